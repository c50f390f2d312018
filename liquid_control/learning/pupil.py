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
"""A copy of a driving policy that learns by FPTT from what the car saw in the last minutes."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liquid_control.learning.fptt import FPTT, Constants, Stream
from liquid_control.learning.rehearsal import Moment, Rehearsal
from liquid_control.learning.views import Views
from liquid_control.policy.driving_policy import DrivingPolicy

CONSTANTS = Constants(rate=2e-3, alpha=0.1, beta=0.05)
HEAD_RATE = 1e-3
"""Learning rate of the vision head: most of what it knows of pictures stays right."""
STREAMS, WINDOW, STAY = 16, 8, 10.0
"""Places of the last minutes that are learned from at once, pictures of each, and windows before one goes elsewhere."""
ROOM = 3600
"""Pictures that are remembered."""
VARIETY = 0.4
"""Of the views of a picture, see ``Views``: a road driven for a minute or two is soon learned by heart."""
LARGE = 0.15
"""Error from which on it counts by its size instead of its square: a car put back askew asks for full steering."""


class Pupil:
    """Learns from what the car sees, again and again, and is held near the last good policy.

    :param radius: how far the weights that learn may get from the last good ones, as a share of their norm.
    """

    def __init__(self, policy: DrivingPolicy, radius: float) -> None:
        self._policy, self._radius = copy.deepcopy(policy), radius
        self._learning = groups(self._policy)
        learning = [(parameter, rate) for group, rate in zip(self._learning, (HEAD_RATE, CONSTANTS.rate), strict=True)
                    for parameter in group]
        for parameter, _ in learning:
            parameter.requires_grad_(True)
        self._fptt = FPTT(self._policy, CONSTANTS, learning)
        self._stream = Stream(self._policy.sequence, self._fptt, policy.initial_state(STREAMS))
        self._views = Views(0, VARIETY)
        self._memory = Rehearsal(STREAMS, WINDOW, ROOM, STAY)
        self.stay_near(policy)

    def stay_near(self, policy: DrivingPolicy) -> None:
        """Take a policy for the last good one."""
        self._anchors = [[value.detach().clone() for value in group] for group in groups(policy)]
        self._reaches = [self._radius * _norm(anchor) for anchor in self._anchors]

    def see(self, moment: Moment) -> None:
        """Remember a moment, and learn whenever a window of new ones is full."""
        self._memory.add(moment)
        if self._memory.count % WINDOW == 0:
            self._learn()

    def average(self) -> DrivingPolicy:
        """Return the policy of the weights' running average, which does not learn."""
        policy = copy.deepcopy(self._policy)
        head, rest = groups(policy)
        with torch.no_grad():
            torch._foreach_copy_(head + rest, self._fptt.average)
        return policy.requires_grad_(False)

    def _learn(self) -> None:
        windows = self._memory.draw()
        if windows is None:
            return
        self._stream.state[windows.fresh] = 0.0
        pictures, *rest = windows.inputs
        self._stream.learn((self._views(pictures), *rest), lambda steering: F.huber_loss(
            steering[windows.counted], windows.labels[windows.counted], delta=LARGE))
        self._hold_back()

    @torch.no_grad()
    def _hold_back(self) -> None:
        """Keep the weights near the last good ones, those of the head and the others."""
        for weights, anchor, reach in zip(self._learning, self._anchors, self._reaches, strict=True):
            moved = torch._foreach_sub(weights, anchor)
            distance = _norm(moved)
            if distance > reach:
                torch._foreach_mul_(moved, reach / distance)
                torch._foreach_copy_(weights, torch._foreach_add(anchor, moved))


def groups(policy: DrivingPolicy) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return what learns: the vision head; the liquid network with gain and bias."""
    return list(policy.head.parameters()), [*policy.network.parameters(), policy.gain, policy.bias]


def _norm(tensors: list[Tensor]) -> float:
    return float(torch.stack(torch._foreach_norm(tensors)).norm())
