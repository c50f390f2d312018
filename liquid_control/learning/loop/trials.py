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

"""How well a policy drives: the score by which it is kept or not."""
from collections.abc import Sequence

from liquid_control.evaluation.episode import BACKWARDS_M, STUCK_M, STUCK_S
from liquid_control.learning.loop.road import Place


class TrackTrial:
    """One policy on one track until the time is up or it fails: beyond the edge, stuck or going backwards."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begin_s: float | None = None
        self._mark = (0.0, 0.0)
        self._farthest = 0.0
        self.seconds = 0.0
        self.ended = ''

    @property
    def share(self) -> float:
        """How much of the time it drove without failing, 0..1."""
        return 1.0 if self.ended == 'completed' else min(1.0, self.seconds / self._seconds)

    def see(self, time_s: float, place: Place) -> None:
        """Take where the car is."""
        if self._begin_s is None:
            self._begin_s = time_s
        self.seconds = time_s - self._begin_s
        self._farthest = max(self._farthest, place.driven)
        if place.overrun > 0.0:
            self.ended = 'off road'
        elif self.seconds >= self._seconds:
            self.ended = 'completed'
        elif place.driven < self._farthest - BACKWARDS_M:
            self.ended = 'backwards'
        elif self._farthest >= self._mark[0] + STUCK_M:
            self._mark = (self._farthest, self.seconds)
        elif self.seconds - self._mark[1] > STUCK_S:
            self.ended = 'stuck'
            self.seconds = self._mark[1]


class RoadTrial:
    """One policy on several tracks, without help.

    :param beat: the score to reach; the trial is over as soon as it cannot be reached any more.
    """

    def __init__(self, specs: Sequence[str], seconds: float, beat: float) -> None:
        self._specs, self._seconds, self._beat = list(specs), seconds, beat
        self._ended: list[TrackTrial] = []
        self._now = TrackTrial(seconds)

    @property
    def spec(self) -> str | None:
        """The track to drive now, None when the trial is over."""
        left = len(self._specs) - len(self._ended)
        hopeless = sum(trial.share for trial in self._ended) + left < self._beat * len(self._specs) - 1e-9
        return None if hopeless or not left else self._specs[len(self._ended)]

    @property
    def score(self) -> float:
        """Mean share over the tracks; those that were not driven count as 0."""
        return sum(trial.share for trial in self._ended) / len(self._specs)

    @property
    def completed(self) -> int:
        """On how many tracks it drove to the end."""
        return sum(trial.ended == 'completed' for trial in self._ended)

    def see(self, time_s: float, place: Place) -> str:
        """Take where the car is; return how the drive on this track ended, empty while it goes on."""
        self._now.see(time_s, place)
        ended = self._now.ended
        if ended:
            self._ended.append(self._now)
            self._now = TrackTrial(self._seconds)
        return ended

    def summary(self) -> str:
        """Return how it went, in words."""
        return f'{self.completed} of {len(self._specs)} tracks completed, {len(self._ended)} driven'


class HumanTrial:
    """One policy under the eyes of a human: the score is the share of time without takeover.

    It begins when the human lets go.
    """

    def __init__(self, seconds: float, beat: float) -> None:
        self._seconds, self._beat = seconds, beat
        self.driven_s = self.helped_s = 0.0

    @property
    def over(self) -> bool:
        """Whether the time is up, or the score to beat out of reach."""
        return self.driven_s >= self._seconds or self.helped_s > (1.0 - self._beat) * self._seconds + 1e-9

    @property
    def score(self) -> float:
        """Share of the trial's time that was driven without takeover; what was cut short counts as helped."""
        return max(0.0, self.driven_s - self.helped_s) / max(self._seconds, self.driven_s)

    def see(self, seconds: float, helped: bool) -> None:
        """Take some driven time."""
        if helped and not self.driven_s:
            return
        self.driven_s += seconds
        self.helped_s += seconds * helped

    def summary(self) -> str:
        """Return how it went, in words."""
        return f'{self.driven_s:.0f} s driven, {self.helped_s:.1f} s of them by the human'
