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

"""Closing the loop with an expert that knows where the car is."""
from enum import Enum
from typing import Any

import numpy as np

from liquid_control.driving.command import Command
from liquid_control.learning.loop.champion import Contender
from liquid_control.learning.loop.plan import Plan
from liquid_control.learning.loop.road import LOST_M, Odometry
from liquid_control.learning.loop.sampler import Taken
from liquid_control.learning.loop.teachers import ExpertTeacher, Role
from liquid_control.learning.loop.tour import Tour
from liquid_control.learning.loop.trials import RoadTrial

WEAK_SCORE = 0.2
"""A policy that scores less is not let drive where it can be learned from."""
RELEASED_NS = 600_000_000


class Phase(Enum):
    """How far a trial on a road has come."""

    RETURN = 'return'
    """The expert drives the car to the middle of the only road there is."""
    RELEASE = 'release'
    """The expert has let go; its last command still holds in the drive node."""
    DRIVE = 'drive'
    """The policy drives, or is being brought to the next road."""


class WithExpert:
    """An expert on known roads: it drives until there is a policy, then it corrects, and it judges on other roads."""

    labels_all, labels_trials = True, False

    def __init__(self, plan: Plan, teacher: ExpertTeacher, tour: Tour, rng: np.random.Generator) -> None:
        self.teacher = teacher
        self._plan, self._tour, self._rng = plan, tour, rng
        self._trial: RoadTrial | None = None
        self._phase = Phase.DRIVE
        self._released_ns: int | None = None
        self._resting = True
        self._weak = self._first = True
        self._fresh_s = 0.0

    @property
    def trial_over(self) -> bool:
        """Whether the trial that was begun has come to its end."""
        return self._trial is not None and self._trial.spec is None

    def drive(self, standing: Contender, first: bool, now_s: float) -> None:
        """Visit the roads, one after the other."""
        stays = not self._resting and self._trial is None
        self._weak, self._first = _weak(standing), first
        self._resting, self._trial = False, None
        if not stays:
            self._visit(now_s)

    def learn(self) -> None:
        """Count anew."""
        self._fresh_s = 0.0

    def rest(self) -> None:
        """Leave the car alone."""
        self._resting, self._trial = True, None
        self.teacher.act(Role.WATCH)

    def see(self, odometry: Odometry, now_s: float, able: bool) -> Command | None:
        """Drive, correct or judge."""
        self._tour.see(odometry)
        command = self.teacher.see(odometry)
        place = self.teacher.place
        if self._resting:
            return None
        if self._trial is not None:
            self._judge(odometry, now_s, able)
        elif place is not None and (
                self._tour.visited_s(odometry.stamp_ns) >= self._plan.visit_s
                or place.overrun > LOST_M and not self._tour.fixed):
            self._visit(now_s)
        return command

    def took(self, taken: Taken, trying: bool) -> None:
        """Count what can be learned from."""
        self._fresh_s += taken.seconds * taken.labelled

    def obstacle(self, stamp_ns: int) -> str:
        """Return why a picture of that time must not be recorded."""
        return '' if self._tour.ready(stamp_ns) else 'the car was being brought to another road'

    def helps(self, standing: Contender) -> bool:
        """Tell whether the expert is there to correct rather than to show."""
        return self.teacher.role is not Role.DRIVE

    def enough(self) -> bool:
        """Tell whether as much was driven as the plan says."""
        return self._fresh_s >= (self._plan.first_collect_s if self._first else self._plan.collect_s)

    def standing_score(self) -> None:
        """Say nothing: trials are on other roads."""

    def left_alone(self) -> bool:
        """Say no: trials tell."""
        return False

    def tried_by_driving(self, now_s: float) -> bool:
        """Say yes."""
        return True

    def begin_trial(self, beat: float, learned: dict[str, Any], now_s: float) -> None:
        """Send the policy to the roads that are kept for trials."""
        self._resting = False
        specs = (self._tour.spec,) if self._tour.fixed else self._plan.trial_tracks
        self._trial = RoadTrial(specs, self._plan.trial_s, beat)
        self._begin(Phase.RETURN if self._tour.fixed else Phase.RELEASE)

    def result(self) -> tuple[float, str]:
        """Return the trial's score, and how it went in words."""
        return self._trial.score, self._trial.summary()

    def _visit(self, now_s: float) -> None:
        shows = self._weak or self._rng.random() < self._plan.expert_share
        self.teacher.act(Role.DRIVE if shows else Role.GUARD)
        self._tour.go(self._plan.tracks[self._tour.visits % len(self._plan.tracks)], now_s)

    def _begin(self, phase: Phase) -> None:
        self._phase, self._released_ns = phase, None
        self.teacher.act(Role.DRIVE if phase is Phase.RETURN else Role.WATCH)

    def _judge(self, odometry: Odometry, now_s: float, able: bool) -> None:
        """Let the policy drive each road of the trial: from its start, or on a fixed road from its middle."""
        stamp_ns, place = odometry.stamp_ns, self.teacher.place
        if self.trial_over:
            return
        if self._phase is Phase.RETURN and place is not None and place.settled:
            self._begin(Phase.RELEASE)
        elif self._phase is Phase.RELEASE:
            self._released_ns = stamp_ns if self._released_ns is None else self._released_ns
            if stamp_ns - self._released_ns >= RELEASED_NS:
                self._begin(Phase.DRIVE)
                self._tour.go(self._trial.spec, now_s)
        elif self._phase is Phase.DRIVE and able and place is not None and self._tour.ready(stamp_ns):
            if self._trial.see(1e-9 * stamp_ns, place) and not self.trial_over:
                self._begin(Phase.RETURN if self._tour.fixed else Phase.DRIVE)
                self._tour.go(self._trial.spec, now_s)


def _weak(standing: Contender) -> bool:
    return standing.score is not None and standing.score < WEAK_SCORE
