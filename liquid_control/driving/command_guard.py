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

"""What a car is told that holds its last command for ever."""
import math

from liquid_control.driving.command import STAND, Command, yaw_rate_radps

REPEATS = 4
"""How often in a timeout a silent car is told to stand."""
BRAKES_OFF_RADPS = 1000.0


class CommandGuard:
    """Passes commands on and asks for a stand when they stop, or before the first.

    :param timeout_s: after so long without a usable command the car is to stand.
    :param max_steering_rad, max_speed_mps: limits of what is passed on.
    """

    def __init__(self, timeout_s: float, max_steering_rad: float, max_speed_mps: float) -> None:
        self._timeout_s, self._max_steering_rad, self._max_speed_mps = timeout_s, max_steering_rad, max_speed_mps
        self._heard_s = -math.inf

    def hear(self, command: Command, now_s: float) -> Command | None:
        """Return what to tell the car for a command that came at a steady time, or None to tell it nothing."""
        if not command.finite:
            return None
        self._heard_s = now_s
        return Command(_cut(command.steering_rad, self._max_steering_rad), _cut(command.speed_mps, self._max_speed_mps))

    def silent(self, now_s: float) -> bool:
        """Tell whether commands have stopped, so that the car is to be told to stand."""
        return now_s - self._heard_s >= self._timeout_s


def gazebo_twist(command: Command, wheelbase_m: float) -> tuple[float, float]:
    """Return the forward speed (m/s) and yaw rate (rad/s) with which AckermannSteering does a command.

    The plugin steers by the ratio of the two, and limits them one by one: a command must come within the limits, or
    a speed that is cut would change the radius. Without speed only the sign of the yaw rate counts (full lock).
    """
    if command.speed_mps == 0.0:
        return 0.0, command.steering_rad and math.copysign(1.0, command.steering_rad)
    return command.speed_mps, yaw_rate_radps(command, wheelbase_m)


def gazebo_brake(command: Command) -> float:
    """Return how fast the front wheels may turn (rad/s) before their brakes hold them: not at all for a stand."""
    return 0.0 if stands(command) else BRAKES_OFF_RADPS


def stands(command: Command) -> bool:
    """Tell whether a command is to stand."""
    return command.speed_mps == STAND.speed_mps


def _cut(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
