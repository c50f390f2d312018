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

"""What a car may be told."""
from dataclasses import dataclass

from liquid_control.driving.command import STAND, Command


@dataclass(frozen=True)
class Limits:
    """Bounds of both signs: speed in m/s, steering in rad, steering rate in rad/s."""

    max_speed_mps: float
    max_steering_rad: float
    max_steering_rate_radps: float


class Limiter:
    """Cuts commands to the limits, the steering's change to its rate, and counts what it cut.

    A command to stand passes at once. ``clamps`` counts commands beyond a bound, ``slews`` those that only
    turned too fast: a sign of nothing worse than a sharp bend.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.clamps = 0
        self.slews = 0
        self._steering_rad = 0.0

    def allows(self, command: Command) -> bool:
        """Tell whether a command is finite and within the bounds of speed and steering."""
        limits = self.limits
        return abs(command.speed_mps) <= limits.max_speed_mps and abs(command.steering_rad) <= limits.max_steering_rad

    def stand(self) -> Command:
        """Return the zero command."""
        self._steering_rad = 0.0
        return STAND

    def apply(self, command: Command, elapsed_s: float) -> Command:
        """Return the finite command nearest to ``command`` that is allowed ``elapsed_s`` after the last one."""
        limits = self.limits
        steering = _cut(command.steering_rad, limits.max_steering_rad)
        speed = _cut(command.speed_mps, limits.max_speed_mps)
        self.clamps += (steering, speed) != command
        change = _cut(steering - self._steering_rad, limits.max_steering_rate_radps * max(elapsed_s, 0.0))
        if change != steering - self._steering_rad:
            self.slews += 1
            steering = self._steering_rad + change
        self._steering_rad = steering
        return Command(steering, speed)


def _cut(value: float, bound: float) -> float:
    return min(max(value, -bound), bound)
