# Copyright 2026 The liquid_control Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Several roads in one Gazebo world as the embedded simulator would show them: one track at a time, each at its origin.

A trainer that asks its simulator for another track gets the car onto that road, and odometry in that track's frame.
"""
import sys
import time

from nav_msgs.msg import Odometry
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from std_srvs.srv import Trigger

from liquid_control.errors import InputError
from liquid_control.nodes.running import run
from liquid_control.nodes.settings import Setting, declare
from liquid_control.simulation.gazebo.names import car_name
from liquid_control.simulation.gazebo.placing import Placing
from liquid_control.simulation.gazebo.world import Plot, lay_out
from liquid_control.simulation.track_spec import load_track

TICK_S = 0.1
AGAIN_S = 1.0


def tracks_settings() -> tuple[Setting, ...]:
    """Return the parameters with their defaults."""
    return (
        Setting('tracks', [''], 'Tracks of the world, in the order in which it was written.', fixed=True),
        Setting('track', '', 'Track that the car is on, one of tracks; empty for the first.'),
    )


class GazeboTracksNode(Node):
    """Keeps the car on the road of ``track`` and tells its ``odom`` there, from Gazebo's ``world_odom``."""

    def __init__(self) -> None:
        super().__init__('simulator', automatically_declare_parameters_from_overrides=True)
        refusals = declare(self, tracks_settings())
        specs = [spec for spec in self.get_parameter('tracks').value if spec]
        if not specs:
            refusals.append("tracks is empty; give the tracks of the world, for example ['random:1']")
        if refusals:
            raise InputError('; '.join(refusals))
        self._plots = dict(zip(specs, lay_out([load_track(spec) for spec in specs]), strict=True))
        self._asked = self.get_parameter('track').value or specs[0]
        self._check(self._asked)
        self._placing: Placing | None = None
        self._due_s: float | None = 0.0
        self._odometry = self.create_publisher(Odometry, 'odom', QoSProfile(depth=10))
        self.create_subscription(Odometry, 'world_odom', self._tell, qos_profile_sensor_data)
        self.create_service(Trigger, '~/reset', self._reset)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._take_parameters)
        self.create_timer(TICK_S, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def fail(self, error: Exception) -> None:
        """Go on: the car stays where it is."""
        self.get_logger().error(f'internal error: {type(error).__name__}: {error}', throttle_duration_sec=1.0)

    def close(self) -> None:
        """Leave the car where it is."""
        if self._placing is not None:
            self._placing.end()

    @property
    def _plot(self) -> Plot:
        return self._plots[self._asked]

    def _check(self, spec: str) -> None:
        if spec not in self._plots:
            raise InputError(f"track '{spec}' is not in this world; it has {', '.join(list(self._plots)[:4])}, ...")

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name == 'tracks':
                return SetParametersResult(successful=False, reason='tracks are those of the world; start another')
            if parameter.name == 'track':
                try:
                    self._check(parameter.value)
                except InputError as error:
                    return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _take_parameters(self, parameters: list[Parameter]) -> None:
        for parameter in parameters:
            if parameter.name == 'track':
                self._asked = parameter.value
                self._due_s = 0.0

    def _reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._due_s = 0.0
        response.success, response.message = True, 'the car comes to the start of the track'
        return response

    def _tick(self) -> None:
        """Ask Gazebo until the car is where it should be."""
        if self._placing is not None:
            answer = self._placing.answer
            if answer is None:
                return
            self._placing = None
            if not answer:
                self.get_logger().warning('Gazebo did not place the car; asking again', throttle_duration_sec=5.0)
                self._due_s = time.monotonic() + AGAIN_S
        if self._due_s is not None and time.monotonic() >= self._due_s:
            plot, self._due_s = self._plot, None
            x, y, yaw = plot.track.pose(0.0)
            self._placing = Placing(car_name(self.get_namespace()), x + plot.x, y + plot.y, yaw)

    def _tell(self, message: Odometry) -> None:
        """Publish where the car is on its road; nothing while it is on its way to it."""
        if self._placing is not None or self._due_s is not None:
            return
        position = message.pose.pose.position
        position.x -= self._plot.x
        position.y -= self._plot.y
        self._odometry.publish(message)


def main() -> int:
    """Run the node."""
    return run(GazeboTracksNode)


if __name__ == '__main__':
    sys.exit(main())
