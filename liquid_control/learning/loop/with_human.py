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

"""Closing the loop with a human who takes over."""
from typing import Any

from liquid_control.learning.loop.champion import Contender
from liquid_control.learning.loop.plan import Plan
from liquid_control.learning.loop.road import Odometry
from liquid_control.learning.loop.sampler import Taken
from liquid_control.learning.loop.teachers import HumanTeacher
from liquid_control.learning.loop.trials import HumanTrial

KNOWN_AFTER_S = 5.0
"""Driven seconds after which the share without takeover tells something."""


class WithHuman:
    """A human who takes over where the policy errs; what the human does not correct is left as it is."""

    labels_all, labels_trials = False, True

    def __init__(self, plan: Plan, teacher: HumanTeacher) -> None:
        self.teacher = teacher
        self._plan = plan
        self._trial: HumanTrial | None = None
        self._fresh_s = self._free_s = self._driven_s = self._helped_s = 0.0
        self._policy = ''

    @property
    def trial_over(self) -> bool:
        """Whether the trial that was begun has come to its end."""
        return self._trial is not None and self._trial.over

    def drive(self, standing: Contender, first: bool, now_s: float) -> None:
        """Measure how the standing policy does."""
        self._trial = None
        if standing.sha256 != self._policy:
            self._policy = standing.sha256
            self._driven_s = self._helped_s = self._free_s = 0.0

    def learn(self) -> None:
        """Count anew what can be learned from."""
        self._fresh_s = 0.0

    def rest(self) -> None:
        """Forget the trial."""
        self._trial = None

    def see(self, odometry: Odometry, now_s: float, able: bool) -> None:
        """Command nothing: the human does."""

    def took(self, taken: Taken, trying: bool) -> None:
        """Count what was driven by whom."""
        self._fresh_s += taken.seconds * taken.labelled
        if trying:
            if self._trial is not None:
                self._trial.see(taken.seconds, taken.helped)
            return
        self._driven_s += taken.seconds
        self._helped_s += taken.seconds * taken.helped
        self._free_s = 0.0 if taken.helped else self._free_s + taken.seconds

    def obstacle(self, stamp_ns: int) -> str:
        """Let everything be recorded."""
        return ''

    def helps(self, standing: Contender) -> bool:
        """Tell whether there is a policy that the human corrects."""
        return not standing.untrained

    def enough(self) -> bool:
        """Tell whether the human has driven for as long as the plan says."""
        return self._fresh_s >= self._plan.human_s

    def standing_score(self) -> float | None:
        """Return the share of time that the standing policy drove."""
        return 1.0 - self._helped_s / self._driven_s if self._driven_s >= KNOWN_AFTER_S else None

    def left_alone(self) -> bool:
        """Tell whether the human let the standing policy drive for as many trials in a row as the plan wants."""
        return self._free_s >= self._plan.target_rounds * self._plan.trial_s

    def tried_by_driving(self, now_s: float) -> bool:
        """Say yes."""
        return True

    def begin_trial(self, beat: float, learned: dict[str, Any], now_s: float) -> None:
        """Watch the human watch the policy."""
        self._trial = HumanTrial(self._plan.trial_s, beat)

    def result(self) -> tuple[float, str]:
        """Return the trial's score, and how it went in words."""
        return self._trial.score, self._trial.summary()
