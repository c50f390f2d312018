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

"""From commands to the pulses that a steering servo and a motor's speed controller take."""
from dataclasses import dataclass

from liquid_control.driving.command import Command

COUNTS = 4096
"""Counts in a period of a PCA9685: a pulse of 1.5 ms at 60 Hz is 369 of them."""


@dataclass(frozen=True)
class Pulses:
    """Pulse lengths in counts of 4096 in a period, by the names that donkeycar's calibration gives them.

    :param max_steering_rad: steering angle at ``steering_left_pwm``, and to the right at ``steering_right_pwm``.
    :param full_speed_mps: speed at ``throttle_forward_pwm``, and backwards at ``throttle_reverse_pwm``.
    """

    steering_left_pwm: int
    steering_right_pwm: int
    throttle_forward_pwm: int
    throttle_stopped_pwm: int
    throttle_reverse_pwm: int
    max_steering_rad: float
    full_speed_mps: float

    def steering(self, command: Command) -> int:
        """Return the counts of the servo; straight on is midway between left and right."""
        share = _within_one(command.steering_rad / self.max_steering_rad)
        middle = 0.5 * (self.steering_left_pwm + self.steering_right_pwm)
        return round(middle + share * (self.steering_left_pwm - middle))

    def throttle(self, command: Command) -> int:
        """Return the counts of the speed controller, in proportion to the speed: nothing measures it."""
        share = _within_one(command.speed_mps / self.full_speed_mps)
        end = self.throttle_forward_pwm if share > 0.0 else self.throttle_reverse_pwm
        return round(self.throttle_stopped_pwm + abs(share) * (end - self.throttle_stopped_pwm))


def _within_one(value: float) -> float:
    return min(max(value, -1.0), 1.0)
