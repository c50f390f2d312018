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

"""Simulated time at the pace of real time, or at a multiple of it."""
MAX_LAG_S = 0.1


class Pace:
    """Maps simulated seconds to seconds of a steady clock.

    When the simulation is more than a tenth of a second behind, it goes on from where it is: it never runs faster
    than its pace to catch up, as that would look to a controller like a car on ice. ``lost_s`` sums what it lost.

    :param factor: simulated seconds for each real one.
    """

    def __init__(self, now: float, factor: float = 1.0) -> None:
        self._factor = factor
        self.lost_s = 0.0
        self.restart(now, 0.0)

    def restart(self, now: float, simulated_s: float) -> None:
        """Let ``simulated_s`` be now."""
        self._start = now - simulated_s / self._factor

    def due(self, simulated_s: float) -> float:
        """Return when a simulated time is due on the steady clock."""
        return self._start + simulated_s / self._factor

    def keep(self, now: float, simulated_s: float) -> None:
        """Shift the map when the simulation is too far behind."""
        lag = now - self.due(simulated_s)
        if lag > MAX_LAG_S:
            self.lost_s += lag
            self._start += lag
