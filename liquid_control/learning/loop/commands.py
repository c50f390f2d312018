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

"""Commands with times, as they were given."""
from bisect import bisect_left, bisect_right
from collections import deque

from liquid_control.driving.command import Command

KEPT = 200


class Commands:
    """The newest commands of one source, by time in ns."""

    def __init__(self) -> None:
        self._stamps: deque[int] = deque(maxlen=KEPT)
        self._commands: deque[Command] = deque(maxlen=KEPT)

    def put(self, stamp_ns: int, command: Command) -> None:
        """Take a command; one that is older than the newest starts the list anew, for then time has jumped."""
        if self._stamps and stamp_ns < self._stamps[-1]:
            self.clear()
        self._stamps.append(stamp_ns)
        self._commands.append(command)

    def clear(self) -> None:
        """Forget all."""
        self._stamps.clear()
        self._commands.clear()

    def exact(self, stamp_ns: int) -> Command | None:
        """Return the command of a time."""
        index = bisect_right(self._stamps, stamp_ns) - 1
        return self._commands[index] if index >= 0 and self._stamps[index] == stamp_ns else None

    def between(self, stamp_ns: int, apart_ns: int) -> Command | None:
        """Return the command of a time, between two linearly; None if they are farther apart than ``apart_ns``."""
        after = bisect_left(self._stamps, stamp_ns)
        if after == len(self._stamps) or after == 0 and self._stamps[0] != stamp_ns:
            return None
        if self._stamps[after] == stamp_ns:
            return self._commands[after]
        before_ns, step_ns = self._stamps[after - 1], self._stamps[after] - self._stamps[after - 1]
        share = (stamp_ns - before_ns) / step_ns
        one, other = self._commands[after - 1], self._commands[after]
        return None if step_ns > apart_ns else Command(
            one.steering_rad + share * (other.steering_rad - one.steering_rad),
            one.speed_mps + share * (other.speed_mps - one.speed_mps))

    def until(self, stamp_ns: int, age_ns: int) -> Command | None:
        """Return the newest command up to a time, None if it is older than ``age_ns`` by then."""
        index = bisect_right(self._stamps, stamp_ns) - 1
        return self._commands[index] if index >= 0 and stamp_ns - self._stamps[index] <= age_ns else None

    def nearest(self, stamp_ns: int, reach_ns: int) -> Command | None:
        """Return the command nearest to a time, None if it is farther than ``reach_ns``."""
        index = bisect_right(self._stamps, stamp_ns)
        near = [i for i in (index - 1, index) if 0 <= i < len(self._stamps)]
        best = min(near, key=lambda i: abs(self._stamps[i] - stamp_ns), default=None)
        return None if best is None or abs(self._stamps[best] - stamp_ns) > reach_ns else self._commands[best]
