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
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from liquid_control.learning.fptt import FPTT, Constants, cut
from liquid_control.policy.driving_policy import DrivingPolicy

Picture = tuple[Tensor, Tensor, Tensor]
"""What ``DrivingPolicy.sequence`` takes of one picture: (1, 1, 3, height, width), (1, 1, 6), (1, 1, 1)."""


@dataclass(frozen=True)
class Limits:
    """What a policy may do to itself while it drives.

    :param constants: of FPTT; slow, since pictures of one drive are alike.
    :param head_rate: learning rate of the vision head.
    :param radius: how far the weights that learn may get from the last good ones, as a share of their norm.
    :param judged_ticks: labelled pictures that a candidate only watches before it is judged.
    :param better: a candidate takes over if its squared error is at most this share of the last good policy's.
    :param worse: it is taken back if, driving, its error exceeds this multiple of that of the one before it.
    :param stricter: factor on ``better`` after each candidate that was taken back.
    """

    constants: Constants = field(default_factory=lambda: Constants(rate=1e-3, alpha=0.1, beta=0.05))
    head_rate: float = 3e-4
    radius: float = 0.25
    judged_ticks: int = 120
    better: float = 0.9
    worse: float = 1.5
    stricter: float = 0.7


class Driver:
    """A policy and the state it drives on with."""

    def __init__(self, policy: DrivingPolicy, state: Tensor) -> None:
        self.policy, self.state, self.error = policy, state, 0.0

    def copied(self) -> 'Driver':
        """Return one like it that has made no errors yet."""
        return Driver(copy.deepcopy(self.policy), self.state.clone())

    @torch.no_grad()
    def step(self, picture: Picture) -> float:
        """Go on by one picture and return the steering, -1..1."""
        steering, self.state = self.policy.sequence(*picture, self.state)
        return float(steering.clamp(-1.0, 1.0))


def groups(policy: DrivingPolicy) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return what learns: the vision head; the liquid network with gain and bias."""
    return list(policy.head.parameters()), [*policy.network.parameters(), policy.gain, policy.bias]


class Adaptation:
    """Drives by the last good policy while a pupil learns from each labelled picture, and lets the better one drive.

    The pupil is never let drive as it is: every ``judged_ticks`` its running average becomes a candidate, which then
    only watches. A candidate that would have answered the same pictures better than the last good policy takes over.
    If it then drives worse than the one before it did, or the car stumbles, that one comes back, the pupil begins anew
    from it, and the next candidate has to be better by more. The head learns slower than the liquid network, the gain
    and the bias: most of what it knows of pictures stays right.

    :ivar swaps: how often a candidate took over; ``returns``: how often it was taken back.
    """

    def __init__(self, policy: DrivingPolicy, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._good = Driver(copy.deepcopy(policy).eval(), policy.initial_state())
        self._before: Driver | None = None
        self._before_error = 0.0
        self._candidate: Driver | None = None
        self._ticks, self._better = 0, limits.better
        self.swaps = self.returns = 0
        self._begin_pupil()

    @property
    def policy(self) -> DrivingPolicy:
        """The last good policy, which drives."""
        return self._good.policy

    def reset(self) -> None:
        """Forget what was seen, as when the car was carried elsewhere; what was learned stays."""
        for network in filter(None, (self._good, self._candidate, self._pupil, self._before)):
            network.state = torch.zeros_like(network.state)

    def stumble(self) -> None:
        """Take note that the car left its road, or that somebody had to take over."""
        if self._before is not None:
            self._return()

    def step(self, small: Tensor, imu: Tensor, elapsed: float, label: float | None) -> float:
        """Return the steering, -1..1, for a picture, and learn from it.

        :param small: uint8 (3, height, width) as ``retina.resize`` gives it; ``imu``: (6,).
        :param elapsed: time since the last picture in nominal periods.
        :param label: the teacher's steering for this picture, -1..1; None if it says nothing.
        """
        picture = small[None, None], imu[None, None], torch.full((1, 1, 1), elapsed)
        steering = self._good.step(picture)
        watched = None if self._candidate is None else self._candidate.step(picture)
        self._learn(picture, label)
        if label is not None:
            self._good.error += (steering - label) ** 2
            if watched is not None:
                self._candidate.error += (watched - label) ** 2
            self._ticks += 1
            if self._ticks == self._limits.judged_ticks:
                self._judge()
        return steering

    def _learn(self, picture: Picture, label: float | None) -> None:
        pupil = self._pupil
        steering, state = pupil.policy.sequence(*picture, pupil.state)
        if label is not None and self._fptt.update(((steering - label) ** 2).sum()):
            self._hold_back()
        pupil.state = cut(state)

    @torch.no_grad()
    def _hold_back(self) -> None:
        """Keep the pupil near the last good policy, its head and the rest of it."""
        for weights, anchor, reach in zip(self._learning, self._anchors, self._reaches, strict=True):
            moved = torch._foreach_sub(weights, anchor)
            distance = _norm(moved)
            if distance > reach:
                torch._foreach_mul_(moved, reach / distance)
                torch._foreach_copy_(weights, torch._foreach_add(anchor, moved))

    def _judge(self) -> None:
        """Let the better one of the last good policy and the candidate drive on."""
        ticks, limits, good, candidate = self._ticks, self._limits, self._good, self._candidate
        driven = good.error / ticks
        if self._before is not None and driven > limits.worse * self._before_error:
            self._return()
        elif candidate is not None and candidate.error <= self._better * good.error:
            self._before, self._before_error = good, driven
            self._good, self.swaps = candidate, self.swaps + 1
            self._anchor_at(self._good.policy)
            self._candidate = self._average()
        else:
            self._before = None
            self._candidate = self._average()
        self._ticks, self._good.error = 0, 0.0

    def _return(self) -> None:
        """Let the policy before the newest drive again."""
        self._before.state = self._good.state
        self._good, self._before, self._candidate = self._before, None, None
        self._better *= self._limits.stricter
        self.returns += 1
        self._ticks, self._good.error = 0, 0.0
        self._begin_pupil()

    def _begin_pupil(self) -> None:
        self._pupil = self._good.copied()
        self._learning = groups(self._pupil.policy)
        rates = self._limits.head_rate, self._limits.constants.rate
        learning = [(parameter, rate) for group, rate in zip(self._learning, rates, strict=True) for parameter in group]
        for parameter, _ in learning:
            parameter.requires_grad_(True)
        self._fptt = FPTT(self._pupil.policy, self._limits.constants, learning)
        self._anchor_at(self._good.policy)

    def _anchor_at(self, policy: DrivingPolicy) -> None:
        self._anchors = [[value.detach().clone() for value in group] for group in groups(policy)]
        self._reaches = [self._limits.radius * _norm(anchor) for anchor in self._anchors]

    def _average(self) -> Driver:
        """Return the pupil as its running average has it."""
        driver = self._pupil.copied()
        head, rest = groups(driver.policy)
        with torch.no_grad():
            torch._foreach_copy_(head + rest, self._fptt.average)
        driver.policy.requires_grad_(False)
        return driver


def _norm(tensors: list[Tensor]) -> float:
    return float(torch.stack(torch._foreach_norm(tensors)).norm())
