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

"""Closing the loop without a car: with recorded drives."""
import math
from typing import Any

from liquid_control.driving.command import Command
from liquid_control.learning.loop.champion import Contender
from liquid_control.learning.loop.road import Odometry
from liquid_control.learning.loop.sampler import Taken
from liquid_control.learning.loop.with_expert import WithExpert


class WithRecordings:
    """Recorded drives only: the score is 1 less the steering error on what was held back, or the share of trial roads.

    :param judge: judges by driving where there is a car on a known road.
    """

    teacher = None
    labels_all = labels_trials = False

    def __init__(self, judge: WithExpert) -> None:
        self._judge = judge
        self._seen_s = float('-inf')
        self._error: float | None = None

    @property
    def trial_over(self) -> bool:
        """Whether the trial that was begun has come to its end."""
        return self._error is not None or self._judge.trial_over

    def drive(self, standing: Contender, first: bool, now_s: float) -> None:
        """Drive nothing."""
        self._judge.rest()

    def learn(self) -> None:
        """Count nothing."""

    def rest(self) -> None:
        """Command nothing."""
        self._judge.rest()

    def see(self, odometry: Odometry, now_s: float, able: bool) -> Command | None:
        """Judge a trial; between trials, only know that there is a car."""
        self._seen_s = now_s
        return self._judge.see(odometry, now_s, able)

    def took(self, taken: Taken, trying: bool) -> None:
        """Count nothing."""

    def obstacle(self, stamp_ns: int) -> str:
        """Record nothing."""
        return 'recordings are learned from, nothing is recorded'

    def helps(self, standing: Contender) -> bool:
        """Nobody helps."""
        return False

    def enough(self) -> bool:
        """Everything is there from the beginning."""
        return True

    def standing_score(self) -> None:
        """Say nothing: nothing is driven."""

    def left_alone(self) -> bool:
        """Say no: nobody could help."""
        return False

    def tried_by_driving(self, now_s: float) -> bool:
        """Tell whether there is a car on a known road."""
        return now_s - self._seen_s < 1.0

    def begin_trial(self, beat: float, learned: dict[str, Any], now_s: float) -> None:
        """Drive the trial's roads if there is a car, else take the error that the learner measured."""
        self._error = None
        if self.tried_by_driving(now_s):
            self._judge.begin_trial(beat, learned, now_s)
        else:
            error = learned.get('held_out_mae')
            self._error = 1.0 if error is None or math.isnan(error) else float(error)

    def result(self) -> tuple[float, str]:
        """Return the trial's score, and how it went in words."""
        if self._error is not None:
            return max(0.0, 1.0 - self._error), f'held-out steering error {self._error:.4f}'
        return self._judge.result()
