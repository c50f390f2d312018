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
"""A driving policy that goes on learning while it drives, by FPTT, within limits that keep the last good one."""

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from liquid_control.learning.pupil import Pupil
from liquid_control.learning.rehearsal import Moment
from liquid_control.policy.driving_policy import DrivingPolicy


@dataclass(frozen=True)
class Limits:
    """What a policy may do to itself while it drives.

    :param radius: of the pupil, see ``Pupil``.
    :param judged_ticks: labelled pictures that a candidate only watches before it is judged.
    :param better: it takes over if its squared error is at most this share of that of the policy that drives.
    :param worse: it is taken back if, driving, its error exceeds this multiple of what the one before it would have
        made of the same pictures.
    :param sooner: it is taken back if the car leaves its road after less than this share of the time, in the mean,
        that it stayed on it before.
    """

    radius: float = 0.25
    judged_ticks: int = 120
    better: float = 0.9
    worse: float = 1.1
    sooner: float = 0.25


class Driver:
    """A policy and the state it drives on with.

    :ivar error: summed squared error since it was last set to zero.
    """

    def __init__(self, policy: DrivingPolicy, state: Tensor) -> None:
        self.policy, self.state, self.error = policy, state, 0.0

    @torch.no_grad()
    def step(self, moment: Moment) -> float:
        """Go on by one picture and return the steering, -1..1; take note of its error where there is a label."""
        periods = torch.full((1, 1, 1), moment.elapsed)
        answer, self.state = self.policy.sequence(moment.small[None, None], moment.imu[None, None], periods, self.state)
        steering = float(answer.clamp(-1.0, 1.0))
        if moment.label is not None:
            self.error += (steering - moment.label) ** 2
        return steering


class Departures:
    """How often the car left its road, and the ticks it drove."""

    def __init__(self) -> None:
        self.ticks, self.times = 0, 0

    @property
    def apart(self) -> float:
        """Return the ticks between two of them, in the mean; infinite if there were none."""
        return self.ticks / self.times if self.times else math.inf


class Adaptation:
    """Drives by the last good policy while a pupil learns from labelled pictures, and lets the better one drive.

    The pupil is never let drive as it is: every ``judged_ticks`` its running average becomes a candidate, which then
    only watches. A candidate that would have answered the same pictures better than the last good policy takes over.
    Then the one before it watches: it comes back if it would have answered better, or if the car leaves its road
    sooner than it used to. The head learns slower than the liquid network, the gain and the bias: most of what it
    knows of pictures stays right.

    :ivar swaps: how often a candidate took over; ``returns``: how often it was taken back.
    """

    def __init__(self, policy: DrivingPolicy, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._good = Driver(copy.deepcopy(policy).eval(), policy.initial_state())
        self._before: Driver | None = None
        self._candidate: Driver | None = None
        self._hitherto, self._lately = Departures(), Departures()
        self._pupil = Pupil(self._good.policy, limits.radius)
        self._ticks = self._stretch = 0
        self.swaps = self.returns = 0

    @property
    def policy(self) -> DrivingPolicy:
        """The last good policy, which drives."""
        return self._good.policy

    def reset(self) -> None:
        """Forget what was seen, as when the car was carried elsewhere; what was learned stays."""
        self._stretch += 1
        for driver in self._present():
            driver.state = torch.zeros_like(driver.state)

    def stumble(self) -> None:
        """Take note that the car left its road, or that somebody had to take over."""
        self._lately.times += 1
        if self._before is not None and self._lately.apart < self._limits.sooner * self._hitherto.apart:
            self._return()

    def step(self, small: Tensor, imu: Tensor, elapsed: float, label: float | None) -> float:
        """Return the steering, -1..1, for a picture, and learn from it.

        :param small: uint8 (3, height, width) as ``retina.resize`` gives it; ``imu``: (6,).
        :param elapsed: time since the last picture in nominal periods.
        :param label: the teacher's steering for this picture, -1..1; None if it says nothing.
        """
        moment = Moment(small, imu, elapsed, label, self._stretch)
        steering, *_ = [driver.step(moment) for driver in self._present()]
        self._pupil.see(moment)
        self._lately.ticks += 1
        if label is not None:
            self._ticks += 1
            if self._ticks == self._limits.judged_ticks:
                self._judge()
        return steering

    def _present(self) -> list[Driver]:
        """Return who sees the pictures, the one who drives first."""
        return [driver for driver in (self._good, self._before, self._candidate) if driver is not None]

    def _judge(self) -> None:
        """Let the best one of those who saw the last pictures drive on."""
        good, before, candidate = self._good, self._before, self._candidate
        if before is not None and not good.error <= self._limits.worse * before.error:
            self._return()
        elif candidate is not None and candidate.error <= self._limits.better * good.error:
            self.swaps += 1
            self._let_drive(candidate, before=good)
        else:
            self._begin(before=None)

    def _return(self) -> None:
        """Let the policy before the newest drive again."""
        self.returns += 1
        self._let_drive(self._before, before=None)

    def _let_drive(self, driver: Driver, before: Driver | None) -> None:
        self._good = driver
        self._hitherto.ticks += self._lately.ticks
        self._hitherto.times += self._lately.times
        self._lately = Departures()
        self._pupil.stay_near(driver.policy)
        self._begin(before)

    def _begin(self, before: Driver | None) -> None:
        """Begin to judge, with a new candidate."""
        self._before, self._candidate = before, Driver(self._pupil.average(), self._good.state.clone())
        self._ticks = 0
        for driver in self._present():
            driver.error = 0.0
