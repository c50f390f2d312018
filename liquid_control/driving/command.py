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

"""The command to a car with Ackermann steering, and what it means as a twist."""
import math
from typing import NamedTuple


class Command(NamedTuple):
    """Angle of the virtual front wheel in rad, left positive, and speed in m/s, negative backwards."""

    steering_rad: float
    speed_mps: float

    @property
    def finite(self) -> bool:
        """Whether both values are numbers that a car can be given."""
        return math.isfinite(self.steering_rad) and math.isfinite(self.speed_mps)


STAND = Command(0.0, 0.0)


def yaw_rate_radps(command: Command, wheelbase_m: float) -> float:
    """Return v tan(delta) / L, the yaw rate of a car that does not slip."""
    return command.speed_mps * math.tan(command.steering_rad) / wheelbase_m


def from_twist(speed_mps: float, yaw_rate: float, wheelbase_m: float) -> Command:
    """Return the command whose twist this is: delta = atan(L w / v).

    A car cannot turn on the spot: without speed the wheels point a quarter turn to the side of the turn,
    which limits cut to the lock.
    """
    side = math.copysign(1.0, speed_mps) if speed_mps else 1.0
    return Command(side * math.atan2(wheelbase_m * yaw_rate, abs(speed_mps)), speed_mps)
