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
"""How often the car was stopped, and why."""
import re
from collections import Counter
from typing import Any

from liquid_control.driving.supervisor import State

MOVING = (State.DRIVING, State.TAKEOVER)
KINDS = 20
OTHER = 'other'
_DETAIL = re.compile(r"[:;].*|'[^']*'|-?(\d[\d.e+-]*|nan|inf)\b,?", re.DOTALL)


class Stops:
    """Counts stops by the kind of their reason: its words up to the first colon, without names and numbers.

    A stop is the first command to stand after the policy or a human drove.
    """

    def __init__(self) -> None:
        self._moving = False
        self._kinds: Counter[str] = Counter()
        self._last = ''
        self._last_s = float('-inf')

    def see(self, state: State, reason: str, now: float) -> bool:
        """Take note of a tick and tell whether the car was stopped in it."""
        moved, self._moving = self._moving, state in MOVING
        if not moved or self._moving:
            return False
        kind = ' '.join(_DETAIL.sub(' ', reason).split())[:60] or state.value
        self._kinds[kind if kind in self._kinds or len(self._kinds) < KINDS else OTHER] += 1
        self._last, self._last_s = f'{state.value}: {reason}', now
        return True

    def values(self, now: float) -> dict[str, Any]:
        """Return the counts by the names that diagnostics have them under."""
        counts = ', '.join(f'{count} x {kind}' for kind, count in self._kinds.most_common())
        return {'stops': self._kinds.total(), 'stops_by_reason': counts, 'last_stop': self._last,
                'last_stop_s_ago': now - self._last_s if self._last else float('nan')}
