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
from torch import Tensor

from liquid_control.learning.fptt import FPTT, Constants, cut
from liquid_control.policy.driving_policy import DrivingPolicy


@dataclass(frozen=True)
class Limits:
    """What a policy may do to itself while it drives.

    :param constants: of FPTT; slow, since pictures of one drive are alike.
    :param radius: how far the weights that learn may get from the last good ones, as a share of their norm.
    :param judged_ticks: labelled pictures that a candidate only watches before it is judged.
    :param better: a candidate takes over if its squared error is at most this share of the last good policy's.
    :param worse: it is taken back if, driving, its error exceeds this multiple of that of the one before it.
    :param stricter: factor on ``better`` after each candidate that was taken back.
    """

    constants: Constants = field(default_factory=lambda: Constants(rate=5e-4, alpha=0.1, beta=0.05))
    radius: float = 0.25
    judged_ticks: int = 120
    better: float = 0.9
    worse: float = 1.5
    stricter: float = 0.7


class Network:
    """The liquid part of a policy with gain and bias, and the state it drives on with."""

    def __init__(self, policy: DrivingPolicy, state: Tensor) -> None:
        self.policy, self.state, self.error = policy, state, 0.0

    def copied(self) -> 'Network':
        """Return one like it that has made no errors yet."""
        return Network(copy.deepcopy(self.policy), self.state.clone())

    def run(self, features: Tensor, elapsed: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return steering (1, 1), 1 is the limit to the left, for features (1, 1, I), and the new state (1, S)."""
        output, state = self.policy.network.run_sequence(features, state, elapsed)
        return (output * self.policy.gain + self.policy.bias).squeeze(2), state

    @torch.no_grad()
    def step(self, features: Tensor, elapsed: Tensor) -> float:
        """Go on by one picture and return the steering, -1..1."""
        steering, self.state = self.run(features, elapsed, self.state)
        return float(steering.clamp(-1.0, 1.0))


class Adaptation:
    """Drives by the last good policy while a pupil learns from each labelled picture, and lets the better one drive.

    The pupil is never let drive as it is: every ``judged_ticks`` its running average becomes a candidate, which then
    only watches. A candidate that would have answered the same pictures better than the last good policy takes over.
    If it then drives worse than the one before it did, or the car stumbles, that one comes back, the pupil begins anew
    from it, and the next candidate has to be better by more. The head stays as it is; what learns is the liquid
    network, the gain and the bias.

    :ivar swaps: how often a candidate took over; ``returns``: how often it was taken back.
    """

    def __init__(self, policy: DrivingPolicy, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._good = Network(copy.deepcopy(policy).eval(), policy.initial_state())
        self._before: Network | None = None
        self._before_error = 0.0
        self._candidate: Network | None = None
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
        policy = self.policy
        with torch.no_grad():
            visual = policy.head(policy.retina.whiten_planes(small.unsqueeze(0)))
            features = torch.cat((visual, policy.imu_features(imu.unsqueeze(0))), 1).unsqueeze(1)
        periods = torch.full((1, 1, 1), elapsed)
        steering = self._good.step(features, periods)
        watched = None if self._candidate is None else self._candidate.step(features, periods)
        self._learn(features, periods, label)
        if label is not None:
            self._good.error += (steering - label) ** 2
            if watched is not None:
                self._candidate.error += (watched - label) ** 2
            self._ticks += 1
            if self._ticks == self._limits.judged_ticks:
                self._judge()
        return steering

    def _learn(self, features: Tensor, periods: Tensor, label: float | None) -> None:
        pupil = self._pupil
        steering, state = pupil.run(features, periods, pupil.state)
        if label is not None and self._fptt.update(((steering - label) ** 2).sum()):
            self._hold_back()
        pupil.state = cut(state)

    @torch.no_grad()
    def _hold_back(self) -> None:
        """Keep the pupil near the last good policy."""
        moved = torch._foreach_sub(self._fptt.weights, self._anchor)
        distance = float(torch.stack(torch._foreach_norm(moved)).norm())
        if distance > self._reach:
            torch._foreach_mul_(moved, self._reach / distance)
            torch._foreach_copy_(self._fptt.weights, torch._foreach_add(self._anchor, moved))

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
        policy = self._pupil.policy
        learning = [*policy.network.parameters(), policy.gain, policy.bias]
        for parameter in policy.parameters():
            parameter.requires_grad_(False)
        for parameter in learning:
            parameter.requires_grad_(True)
        rate = self._limits.constants.rate
        self._fptt = FPTT(policy.network, self._limits.constants, [(parameter, rate) for parameter in learning])
        self._anchor_at(self._good.policy)

    def _anchor_at(self, policy: DrivingPolicy) -> None:
        self._anchor = [value.detach().clone() for value in (*policy.network.parameters(), policy.gain, policy.bias)]
        self._reach = self._limits.radius * float(torch.stack(torch._foreach_norm(self._anchor)).norm())

    def _average(self) -> Network:
        """Return the pupil as its running average has it."""
        network = self._pupil.copied()
        policy = network.policy
        with torch.no_grad():
            torch._foreach_copy_([*policy.network.parameters(), policy.gain, policy.bias], self._fptt.average)
        for parameter in policy.parameters():
            parameter.requires_grad_(False)
        return network
