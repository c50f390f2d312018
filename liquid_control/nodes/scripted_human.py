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

"""A scripted human for trials of the trainer: takes over where the car would leave the road and lets go in the middle.

Its eyes are the simulator's ``odom``, its hands ``cmd_vel_teleop``: to every other node it is a person with a joystick.
"""
import math
import sys

import numpy as np
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry as OdometryMessage
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data

from liquid_control.learning.loop.plan import Plan
from liquid_control.learning.loop.road import Odometry
from liquid_control.learning.loop.teachers import ExpertTeacher, Role
from liquid_control.nodes.command_message import CommandMessage
from liquid_control.nodes.running import run
from liquid_control.simulation.car import default_car
from liquid_control.simulation.track_spec import load_track


class ScriptedHuman(Node):
    """Pure pursuit that commands only from when the car needs help until it is back in the middle.

    :raises InputError: if the parameter ``track`` is no track; it has to be the one of the simulator.
    """

    def __init__(self) -> None:
        super().__init__('scripted_human')
        track = load_track(self.declare_parameter('track', 'random:300000').value)
        car = default_car()
        self._driver = ExpertTeacher(Plan(), car, np.random.default_rng(0))
        self._driver.enter(track)
        self._driver.act(Role.GUARD)
        self._message = CommandMessage('twist_stamped', car.wheelbase_m)
        self._commands = self.create_publisher(TwistStamped, 'cmd_vel_teleop', QoSProfile(depth=1))
        self.create_subscription(OdometryMessage, 'odom', self._see, qos_profile_sensor_data)

    def fail(self, error: Exception) -> None:
        """Say what went wrong; without a command the policy drives on."""
        self.get_logger().error(f'{type(error).__name__}: {error}')

    def close(self) -> None:
        """Let go."""

    def _see(self, message: OdometryMessage) -> None:
        stamp, pose, turn = message.header.stamp, message.pose.pose.position, message.pose.pose.orientation
        yaw = 2.0 * math.atan2(turn.z, turn.w)  # the car does not leave the plane
        command = self._driver.see(Odometry(
            stamp.sec * 10 ** 9 + stamp.nanosec, pose.x, pose.y, yaw, message.twist.twist.linear.x))
        if command is not None:
            self._commands.publish(self._message.filled(command, stamp))


def main() -> int:
    """Run the scripted human."""
    return run(ScriptedHuman)


if __name__ == '__main__':
    sys.exit(main())
