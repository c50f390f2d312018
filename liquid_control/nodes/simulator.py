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

"""The embedded simulator as a ROS 2 node: a car on a track with camera, IMU, true odometry and /clock."""
import gc
import sys
import time

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import Odometry
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, Image, Imu
from std_srvs.srv import Trigger

from liquid_control.driving.command import from_twist
from liquid_control.driving.window import Window
from liquid_control.errors import InputError
from liquid_control.nodes.diagnostics import diagnostics
from liquid_control.nodes.real_time import take_priority
from liquid_control.nodes.running import run
from liquid_control.nodes.sensor_messages import (
    camera_info_message, fill_imu, fill_odometry, image_message, imu_message, odometry_message)
from liquid_control.nodes.settings import declare, refusal_of
from liquid_control.nodes.simulator_settings import simulator_settings
from liquid_control.simulation.mujoco_model import STEP_S
from liquid_control.simulation.mujoco_world import MujocoWorld
from liquid_control.simulation.pacing import Pace
from liquid_control.simulation.track import Track
from liquid_control.simulation.track_spec import load_track

CLOCK_STEPS = 5
"""Physics steps between two /clock messages: 120 Hz."""
CLOCK_QOS = QoSProfile(depth=1)
PENDING_PICTURES = 64


class SimulatorNode(Node):
    """Drives simulated time at the pace of the steady clock and publishes what is due.

    Time starts at 0 and never goes back: a reset puts the car back, not the clock. Between two commands the world
    holds the last one, and brakes by itself when none comes for the car's command timeout.

    What is due next is computed and drawn as soon as the last is out, so that a picture leaves at its time however long
    it took to draw, as that of a camera does. A command acts from the next such time on, 3 to 8 ms after the last.

    /diagnostics has the latency from a picture to the first command that carries its stamp, both on this process's
    steady clock: from when the picture is published until the command is received.

    Setting ``track`` or another parameter of the world while it runs builds the world anew, unless it has that value
    already; in either case the car then stands at the start of the track, and time goes on.
    """

    def __init__(self) -> None:
        super().__init__('simulator', automatically_declare_parameters_from_overrides=True)
        self._settings = simulator_settings()
        refusals = declare(self, self._settings)
        if refusals:
            raise InputError('; '.join(refusals))
        self._world, self._wishes = self._make_world(self._track()), self._world_wishes()
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._rebuild)
        car = self._world.car
        self._imu_steps = max(1, round(1.0 / (car.imu.rate_hz * STEP_S)))
        self._camera_steps = max(1, round(1.0 / (self._value('camera_rate_hz') * STEP_S)))
        self._step = 0
        self._origin = 0
        self._taken: dict[tuple[int, int], float] = {}
        self._latency_ms = Window()
        self._make_topics(car)
        self._compute_next()
        self._pace = Pace(time.monotonic(), self._value('real_time_factor'))
        gc.collect()
        gc.freeze()
        if self._value('real_time_factor') <= 1.0:
            take_priority(self._value('real_time_priority'))
        self.get_logger().info(f'{self._world.track.name}, {self._world.track.length:.0f} m')

    def fail(self, error: Exception) -> None:
        """Go on: the car's command timeout stops it when this keeps commands away."""
        self.get_logger().error(f'internal error: {type(error).__name__}: {error}', throttle_duration_sec=1.0)

    def close(self) -> None:
        """Give the graphics back."""
        self._world.close()

    def advance(self) -> float:
        """Publish what is due and compute what is due next; return the seconds until then."""
        if time.monotonic() >= self._pace.due(self._step * STEP_S):
            try:
                self._publish(self._stamp())
                self._pace.keep(time.monotonic(), self._step * STEP_S)
            finally:
                self._compute_next()
        return max(0.0, self._pace.due(self._step * STEP_S) - time.monotonic())

    def _value(self, name: str):
        return self.get_parameter(name).value

    def _track(self, **given: object) -> Track:
        spec, centre_line, road_width_m = (
            given.get(name, self._value(name)) for name in ('track', 'centre_line', 'road_width_m'))
        return load_track(spec, centre_line or None, road_width_m or None)

    def _make_world(self, track: Track) -> MujocoWorld:
        return MujocoWorld(
            track, self._value('seed'), friction=self._value('friction'), imu_noise=self._value('imu_noise'),
            camera_noise=self._value('camera_noise'))

    def _world_wishes(self) -> dict[str, object]:
        return {setting.name: self._value(setting.name) for setting in self._settings if not setting.fixed}

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        refusal = refusal_of(self._settings, parameters, configured=True)
        if not refusal:
            try:
                self._track(**{parameter.name: parameter.value for parameter in parameters})
            except Exception as error:  # noqa: B902 whatever is wrong with it, the old track stays
                refusal = str(error) if isinstance(error, InputError) else f'{type(error).__name__}: {error}'
        return SetParametersResult(successful=not refusal, reason=refusal)

    def _rebuild(self, parameters: list[Parameter]) -> None:
        wishes = self._world_wishes()
        if not wishes.keys() & {parameter.name for parameter in parameters}:
            return
        if wishes == self._wishes:
            self._put_back()
            return
        self._world.close()
        self._world, self._wishes = self._make_world(self._track()), wishes
        self._taken.clear()
        self._put_back()
        self._pace.restart(time.monotonic(), self._step * STEP_S)
        self.get_logger().info(f'{self._world.track.name}, {self._world.track.length:.0f} m')

    def _make_topics(self, car) -> None:
        self._clock_publisher = self.create_publisher(ClockMessage, '/clock', CLOCK_QOS)
        self._images = self.create_publisher(Image, 'camera/image_raw', qos_profile_sensor_data)
        self._infos = self.create_publisher(CameraInfo, 'camera/camera_info', qos_profile_sensor_data)
        self._imus = self.create_publisher(Imu, 'imu/data_raw', qos_profile_sensor_data)
        self._odometry = self.create_publisher(Odometry, 'odom', 10)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._clock_message, self._odometry_message = ClockMessage(), odometry_message()
        self._info, self._imu = camera_info_message(car.camera), imu_message(car, self._value('imu_noise'))
        if self._value('command_type') == 'twist':
            self.create_subscription(Twist, 'cmd_vel', self._command, QoSProfile(depth=1))
        else:
            self.create_subscription(TwistStamped, 'cmd_vel', self._stamped_command, QoSProfile(depth=1))
        self.create_service(Trigger, '~/reset', self._reset)

    def _stamped_command(self, message: TwistStamped) -> None:
        taken = self._taken.pop((message.header.stamp.sec, message.header.stamp.nanosec), None)
        if taken is not None:
            self._latency_ms.add(1e3 * (time.monotonic() - taken))
        self._command(message.twist)

    def _command(self, twist: Twist) -> None:
        command = from_twist(twist.linear.x, twist.angular.z, self._world.car.wheelbase_m)
        if command.finite:
            self._world.command(*command)

    def _reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._put_back()
        response.success, response.message = True, 'the car stands at the start of the track'
        return response

    def _put_back(self) -> None:
        self._world.reset()
        self._origin = self._step
        self._draw()

    def _compute_next(self) -> None:
        self._picture = None  # one that is out must not leave again when what follows fails
        self._step = min((self._step // steps + 1) * steps
                         for steps in (CLOCK_STEPS, self._imu_steps, self._camera_steps))
        self._world.advance_to((self._step - self._origin) * STEP_S)
        self._draw()

    def _draw(self) -> None:
        self._picture = self._world.camera() if self._step % self._camera_steps == 0 else None

    def _publish(self, stamp: Time) -> None:
        if self._step % CLOCK_STEPS == 0:
            self._clock_message.clock = stamp
            self._clock_publisher.publish(self._clock_message)
        if self._step % self._imu_steps == 0:
            fill_imu(self._imu, self._world.imu(), stamp)
            self._imus.publish(self._imu)
        if self._picture is not None:
            self._publish_picture(stamp)
        if self._step % round(1.0 / STEP_S) == CLOCK_STEPS:
            self._report(stamp)

    def _publish_picture(self, stamp: Time) -> None:
        if len(self._taken) >= PENDING_PICTURES:
            self._taken.clear()
        self._taken[stamp.sec, stamp.nanosec] = time.monotonic()
        self._images.publish(image_message(self._picture, stamp))
        self._info.header.stamp = stamp
        self._infos.publish(self._info)
        fill_odometry(self._odometry_message, self._world.pose(), self._world.twist(), stamp)
        self._odometry.publish(self._odometry_message)

    def _stamp(self) -> Time:
        nanoseconds = round(self._step * STEP_S * 1e9)
        return Time(sec=nanoseconds // 10 ** 9, nanosec=nanoseconds % 10 ** 9)

    def _report(self, stamp: Time) -> None:
        self._diagnostics.publish(diagnostics(
            stamp, self.get_fully_qualified_name().lstrip('/'), self._world.track.name, DiagnosticStatus.OK, 'running',
            {
                'simulated_s': self._step * STEP_S, 'lost_s': self._pace.lost_s,
                'picture_to_command_p50_ms': self._latency_ms.percentile(50),
                'picture_to_command_p99_ms': self._latency_ms.percentile(99)}))


def main() -> int:
    """Run the simulator."""
    return run(SimulatorNode, SimulatorNode.advance)


if __name__ == '__main__':
    sys.exit(main())
