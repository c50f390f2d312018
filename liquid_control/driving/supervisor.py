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

"""Who may move the car: the human, the policy or nobody."""
import math
from dataclasses import dataclass
from enum import Enum

from liquid_control.driving.command import Command
from liquid_control.driving.limits import Limiter

TAKEOVER_S = 0.5
"""A human's command holds for this long."""


class State(Enum):
    """What the supervisor does with the car."""

    DRIVING = 'driving'
    TAKEOVER = 'takeover'
    DISENGAGED = 'disengaged'
    STOPPED = 'stopped'
    ERROR = 'error'


@dataclass(frozen=True)
class Verdict:
    """The command for this tick, who gave it, and why the policy did not, in words."""

    command: Command
    state: State
    reason: str


class Supervisor:
    """Stands between policy and car.

    In order of rank:

    1. a human's command that is at most half a second old drives (TAKEOVER), whatever else is wrong;
    2. after an error inside the node the car stands until it is engaged again (ERROR);
    3. while disengaged the car stands (DISENGAGED);
    4. with a problem of the inputs or of the policy the car stands until it has passed (STOPPED);
    5. the policy drives (DRIVING).

    Every command passes the limiter.
    """

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.engaged = True
        self.error = ''
        self._human: Command | None = None
        self._human_s = -math.inf
        self._last_s: float | None = None

    def engage(self, engaged: bool) -> None:
        """Let the policy drive, or not; engaging clears an error."""
        self.engaged = engaged
        if engaged:
            self.error = ''

    def fail(self, error: str) -> None:
        """Stop until engaged again: something inside the node went wrong."""
        self.error = f'internal error: {" ".join(error.split())[:200]}'

    def take_over(self, command: Command, now: float) -> None:
        """Take a finite command from a human."""
        self._human, self._human_s = command, now

    def rearm(self) -> None:
        """Forget times, after the clock jumped."""
        self._human_s, self._last_s = -math.inf, None

    def decide(self, wanted: Command | None, problem: str, now: float) -> Verdict:
        """Rule on one tick.

        :param wanted: the policy's finite command, None when it gave none.
        :param problem: why the policy must not drive, empty if it may.
        """
        elapsed = 0.0 if self._last_s is None else now - self._last_s
        self._last_s = now
        if now - self._human_s <= TAKEOVER_S:
            return Verdict(self.limiter.apply(self._human, elapsed), State.TAKEOVER, 'a human drives')
        if self.error:
            return self._stand(State.ERROR, self.error)
        if not self.engaged:
            return self._stand(State.DISENGAGED, 'disengaged; call ~/engage with true to drive')
        if problem or wanted is None:
            return self._stand(State.STOPPED, problem or 'waiting for the first picture')
        return Verdict(self.limiter.apply(wanted, elapsed), State.DRIVING, '')

    def _stand(self, state: State, reason: str) -> Verdict:
        return Verdict(self.limiter.stand(), state, reason)
