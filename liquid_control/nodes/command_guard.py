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

"""The guard before a simulator that holds its last command for ever: tells the car to stand when commands stop.

Two of them watch over a Gazebo car. The first passes ``cmd_vel`` on to the bridge. The second (``stop_only``) hears
what the first one says and passes on nothing but a stand, through a bridge of its own: it stops the car when the first
guard is silent, or when the first one's bridge does not carry its word any more.
"""
import sys
import time

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Float64

from liquid_control.driving.command import STAND, Command, from_twist
from liquid_control.driving.command_guard import REPEATS, CommandGuard, gazebo_brake, gazebo_twist, stands
from liquid_control.errors import InputError
from liquid_control.nodes.running import run
from liquid_control.nodes.settings import Setting, declare
from liquid_control.simulation.car import default_car

QOS = QoSProfile(depth=1)


def guard_settings() -> tuple[Setting, ...]:
    """Return the parameters with their defaults."""
    return (
        Setting('timeout_s', 0.1, 'After so long without a command the car is told to stand, in s.', 0.05, 0.4,
                fixed=True),
        Setting('command_type', 'twist_stamped', 'Type of the commands: geometry_msgs/TwistStamped or Twist.',
                choices=('twist_stamped', 'twist'), fixed=True),
        Setting('stop_only', False, 'Pass on nothing but a stand: the guard behind the guard.', fixed=True),
    )


class CommandGuardNode(Node):
    """Hears ``commands`` and publishes ``guarded`` (Twist) and ``brake`` (Float64, of the front wheels, in rad/s).

    It goes by the machine's time: a paused /clock does not stop it.
    A silent car is told to stand again and again: a bridge or a simulator may start later than this.
    """

    def __init__(self) -> None:
        super().__init__('command_guard', automatically_declare_parameters_from_overrides=True)
        settings = guard_settings()
        refusals = declare(self, settings)
        if refusals:
            raise InputError('; '.join(refusals))
        timeout_s, command_type, self._stop_only = (self.get_parameter(setting.name).value for setting in settings)
        self._car = default_car()
        self._guard = CommandGuard(timeout_s, self._car.max_steering_rad, self._car.max_speed_mps)
        self._silent = True
        self._publisher = self.create_publisher(Twist, 'guarded', QOS)
        self._brakes = self.create_publisher(Float64, 'brake', QOS)
        if command_type == 'twist':
            self.create_subscription(Twist, 'commands', self._hear, QOS)
        else:
            self.create_subscription(TwistStamped, 'commands', lambda message: self._hear(message.twist), QOS)
        self.create_timer(timeout_s / REPEATS, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._tell(STAND)

    def fail(self, error: Exception) -> None:
        """Stand: what should have been passed on was not."""
        self.get_logger().error(f'internal error: {type(error).__name__}: {error}', throttle_duration_sec=1.0)
        self._tell(STAND)

    def close(self) -> None:
        """Leave the car standing."""
        self._tell(STAND)

    def _hear(self, twist: Twist) -> None:
        command = from_twist(twist.linear.x, twist.angular.z, self._car.wheelbase_m)
        told = self._guard.hear(command, time.monotonic())
        if told is None:
            return
        if self._silent and not self._stop_only:
            self.get_logger().info('commands come: passed on')
        self._silent = False
        if not self._stop_only or stands(told):
            self._tell(told)

    def _watch(self) -> None:
        if self._guard.silent(time.monotonic()):
            if not self._silent:
                self.get_logger().warning('commands have stopped: the car is told to stand')
            self._silent = True
            self._tell(STAND)

    def _tell(self, command: Command) -> None:
        message = Twist()
        message.linear.x, message.angular.z = gazebo_twist(command, self._car.wheelbase_m)
        self._publisher.publish(message)
        self._brakes.publish(Float64(data=gazebo_brake(command)))


def main() -> int:
    """Run the guard."""
    return run(CommandGuardNode)


if __name__ == '__main__':
    sys.exit(main())
