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

"""Trying policies one after the other: who drives how well."""
from typing import Any

from liquid_control.learning.loop.champion import Contender
from liquid_control.learning.loop.swap import Swap
from liquid_control.learning.loop.ways import Way

SWAP_S = 60.0
"""How long a drive node may take to load a policy before that counts as not driving."""


class Contest:
    """Puts one contender after the other into the drive node and gives each its score.

    :ivar scored: those that have their score, in the order of their turns; ``words`` how each went.
    """

    def __init__(self, way: Way, swap: Swap) -> None:
        self._way, self._swap = way, swap
        self._waiting: list[Contender] = []
        self.scored: list[Contender] = []
        self.words: list[str] = []
        self._beat = self._asked_s = 0.0
        self.driving = False

    @property
    def over(self) -> bool:
        """Whether everyone has a score."""
        return not self._waiting

    def begin(self, contenders: list[Contender], beat: float, now_s: float) -> None:
        """Begin with the first.

        :param beat: the score that the first must reach; it is enough to see that it does not.
        """
        self._waiting, self.scored, self.words, self._beat = list(contenders), [], [], beat
        self._next(now_s)

    def tick(self, learned: dict[str, Any], now_s: float) -> None:
        """Do what is due.

        :param learned: what the learner said of the first.
        """
        if self.driving:
            if self._way.trial_over:
                self._note(*self._way.result(), now_s)
        elif not self._way.tried_by_driving(now_s) or self._swap.loaded:
            self.driving = True
            self._way.begin_trial(0.0 if self.scored else self._beat, learned, now_s)
        elif self._swap.refusal or now_s - self._asked_s > SWAP_S:
            self._note(0.0, f"not tried: {self._swap.refusal or 'the drive node did not load it'}", now_s)

    def _next(self, now_s: float) -> None:
        self.driving, self._asked_s = False, now_s
        if self._waiting and self._way.tried_by_driving(now_s):
            self._swap.want(self._waiting[0], now_s)

    def _note(self, score: float, words: str, now_s: float) -> None:
        self.scored.append(self._waiting.pop(0).scored(score))
        self.words.append(words)
        self._next(now_s)
