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

"""ROS 2 node for a car whose servo and motor hang on a PCA9685, as donkeycars have it: ``cmd_vel`` in, pulses out."""
import sys
import time

from geometry_msgs.msg import TwistStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

from liquid_control.driving.command import STAND, Command, from_twist
from liquid_control.driving.command_guard import REPEATS, CommandGuard
from liquid_control.driving.pulses import COUNTS, Pulses
from liquid_control.errors import InputError
from liquid_control.nodes.deadman import Deadman
from liquid_control.nodes.pca9685 import Pca9685, open_bus, pulse_message
from liquid_control.nodes.running import run
from liquid_control.nodes.settings import Setting, declare
from liquid_control.simulation.car import default_car


def pwm_settings() -> tuple[Setting, ...]:
    """Return the parameters with their defaults, which are donkeycar's."""
    car = default_car()
    pulse = {'low': 0, 'high': COUNTS - 1, 'fixed': True}
    return (
        Setting('i2c_bus', 1, 'Number of the I2C bus: /dev/i2c-N.', 0, 255, fixed=True),
        Setting('i2c_address', 0x40, 'Address of the PCA9685 on it.', 3, 119, fixed=True),
        Setting('frequency_hz', 60.0, 'Frequency of the pulses in Hz.', 40.0, 400.0, fixed=True),
        Setting('steering_channel', 1, 'Output of the steering servo.', 0, 15, fixed=True),
        Setting('throttle_channel', 0, 'Output of the speed controller.', 0, 15, fixed=True),
        Setting('steering_left_pwm', 460, 'Counts of 4096 for full left.', **pulse),
        Setting('steering_right_pwm', 290, 'Counts of 4096 for full right.', **pulse),
        Setting('throttle_forward_pwm', 500, 'Counts of 4096 for full speed forwards.', **pulse),
        Setting('throttle_stopped_pwm', 370, 'Counts of 4096 for no speed.', **pulse),
        Setting('throttle_reverse_pwm', 220, 'Counts of 4096 for full speed backwards.', **pulse),
        Setting('max_steering_rad', car.max_steering_rad, 'Steering angle at full left and right in rad.', 0.05, 1.2,
                fixed=True),
        Setting('full_speed_mps', car.max_speed_mps, 'Speed at full speed forwards in m/s.', 0.1, 30.0, fixed=True),
        Setting('wheelbase_m', car.wheelbase_m, 'Distance of the axles in m.', 0.05, 5.0, fixed=True),
        Setting('timeout_s', 0.2, 'After so long without a command the car stands, in s.', 0.05, 0.4, fixed=True),
    )


class PwmNode(Node):
    """Gives pulses for the newest command, and those of a standing car at start, at the end and when commands stop.

    The chip gives its last pulses for ever. So they are written again on every check, a second process writes those of
    a standing car when this one is killed or held, and a new one, as the launch file starts it, begins with them.

    :raises InputError: if a parameter is refused or the chip cannot be reached.
    """

    def __init__(self) -> None:
        super().__init__('pwm', automatically_declare_parameters_from_overrides=True)
        settings = pwm_settings()
        refusals = declare(self, settings)
        if refusals:
            raise InputError('; '.join(refusals))
        values = {setting.name: self.get_parameter(setting.name).value for setting in settings}
        self._pulses = Pulses(**{name: values[name] for name in Pulses.__dataclass_fields__})
        self._channels = values['steering_channel'], values['throttle_channel']
        self._wheelbase_m = values['wheelbase_m']
        self._chip = _chip(values['i2c_bus'], values['i2c_address'], values['frequency_hz'])
        self._guard = CommandGuard(values['timeout_s'], values['max_steering_rad'], values['full_speed_mps'])
        self._silent = True
        self._give(STAND)
        self._deadman = Deadman(self._chip.fileno(), values['timeout_s'], pulse_message(
            values['throttle_channel'], values['throttle_stopped_pwm']))
        self.create_subscription(TwistStamped, 'cmd_vel', self._hear, QoSProfile(depth=1))
        self.create_timer(values['timeout_s'] / REPEATS, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def fail(self, error: Exception) -> None:
        """Stand, as far as the chip can still be reached; the next check tries again."""
        self.get_logger().error(f'{type(error).__name__}: {error}', throttle_duration_sec=1.0)
        try:
            self._give(STAND)
        except OSError:
            pass  # said already

    def close(self) -> None:
        """Leave the car standing."""
        try:
            self._give(STAND)
        except OSError as error:
            self.get_logger().error(f'the PCA9685 does not answer, the car may still move: {error}')
        self._deadman.close()

    def _hear(self, message: TwistStamped) -> None:
        command = from_twist(message.twist.linear.x, message.twist.angular.z, self._wheelbase_m)
        told = self._guard.hear(command, time.monotonic())
        if told is not None:
            self._silent = False
            self._give(told)

    def _watch(self) -> None:
        self._deadman.beat()
        if self._guard.silent(time.monotonic()):
            if not self._silent:
                self.get_logger().warning('commands have stopped: the car stands')
            self._silent = True
            self._give(STAND)

    def _give(self, command: Command) -> None:
        steering, throttle = self._channels
        self._chip.set_pulse(throttle, self._pulses.throttle(command))
        self._chip.set_pulse(steering, self._pulses.steering(command))


def _chip(bus: int, address: int, frequency_hz: float) -> Pca9685:
    try:
        return Pca9685(open_bus(bus, address), frequency_hz)
    except OSError as error:
        raise InputError(f'no PCA9685 at address {address:#x} of /dev/i2c-{bus} ({error.strerror}); switch I2C on, '
                         'check the wiring, join the group i2c, or correct i2c_bus and i2c_address') from error


def main() -> int:
    """Run the node."""
    return run(PwmNode)


if __name__ == '__main__':
    sys.exit(main())
