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

"""When control ticks are due."""
import statistics
from collections import deque

INTERVALS = 15
MIN_INTERVALS = 4
TOLERANCE = 0.05
EARLY = 0.02
LATE = 0.3
OFFSETS = 9
GAIN = 0.2
MISSES = 3


class PhaseLock:
    """A fixed tick rate whose phase follows the camera.

    A timer of the same rate as the camera answers a picture half a period late on average. While the camera's median
    interval is within 5 % of the tick's, ticks are due when pictures are: one that comes up to 2 % of a period early
    is answered at once, an earlier one when these 2 % begin, and a late one is waited for up to 0.3 of a period: a
    picture that misses its tick costs a whole period. What is expected follows the median of the last nine arrivals,
    so that single early or late pictures do not shift it. After three pictures in a row did not come, and at any other
    camera rate, it is a plain fixed timer.

    Times are seconds of any one clock. A tick that is late is not made up for.
    """

    def __init__(self, rate_hz: float) -> None:
        self.set_rate(rate_hz)

    def set_rate(self, rate_hz: float) -> None:
        """Change the rate; takes effect with the next ``restart``."""
        self.period_s = 1.0 / rate_hz

    def restart(self, now: float) -> None:
        """Begin a new sequence: the first tick is due one period from now."""
        self._due = now + self.period_s
        self._last_arrival: float | None = None
        self._intervals: deque[float] = deque(maxlen=INTERVALS)
        self._offsets: deque[float] = deque(maxlen=OFFSETS)
        self._waiting = False
        self._missed = 0
        self._step = self.period_s
        self.locked = False

    @property
    def wake_s(self) -> float:
        """When to call ``ticks_at`` next, unless a picture comes before."""
        if not self._expecting:
            return self._due
        return self._due - EARLY * self._step if self._waiting else self._due + LATE * self._step

    def ticks_on_picture(self, now: float) -> bool:
        """Take note of a picture that arrived and tell whether to tick at once."""
        self._note_interval(now)
        self._waiting = True
        self._missed = 0
        if not self.locked:
            return False
        self._follow(now)
        return now >= self._due - EARLY * self._step

    def ticks_at(self, now: float) -> bool:
        """Tell whether to tick now that the clock says ``now``."""
        return now >= self.wake_s - 1e-9

    def ticked(self, now: float) -> None:
        """Take note of a tick and plan the next one, never in the past."""
        if not self._waiting:
            self._missed += 1
        self._waiting = False
        self._due += self._step
        if self._due <= now:
            self._due += self._step * (1 + (now - self._due) // self._step)

    @property
    def _expecting(self) -> bool:
        return self.locked and self._missed < MISSES

    def _follow(self, now: float) -> None:
        """Shift what is expected towards the middle of the last arrivals."""
        periods = (now - self._due) / self._step
        self._offsets.append((periods - round(periods)) * self._step)
        shift = GAIN * statistics.median(self._offsets)
        self._due += shift
        for i in range(len(self._offsets)):
            self._offsets[i] -= shift

    def _note_interval(self, now: float) -> None:
        if self._last_arrival is not None:
            self._intervals.append(now - self._last_arrival)
        self._last_arrival = now
        if len(self._intervals) < MIN_INTERVALS:
            return
        median = statistics.median(self._intervals)
        matches = abs(median - self.period_s) <= TOLERANCE * self.period_s
        self._step = median if matches else self.period_s
        if matches and not self.locked:
            self._due = now
            self._offsets.clear()
        self.locked = matches
