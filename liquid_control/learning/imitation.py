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

"""Imitation with recovery data: the policy learns the expert's steering from pictures and IMU."""

import math
from collections import deque
from dataclasses import dataclass

import torch

from liquid_control.learning.collector import Sequences
from liquid_control.policy.driving_policy import DrivingPolicy

VISION_RATE = 1.5e-3
CELL_RATE = 5e-3
WARM_UP_STEPS = 3
TURN_WEIGHT = 1.0
CLIP_NORM = 1.0
MEMORY = 40


@dataclass
class Rates:
    """Learning rates of the vision head and of the liquid part at the start of the cosine."""

    vision: float = VISION_RATE
    cell: float = CELL_RATE


class Imitation:
    """Gradient steps on sequences: backpropagation through time, Adam, cosine learning rate."""

    def __init__(self, policy: DrivingPolicy, seed: int, rates: Rates | None = None) -> None:
        rates = rates or Rates()
        self._policy = policy
        self._generator = torch.Generator().manual_seed(seed)
        vision = list(policy.head.parameters())
        cell = [*policy.network.parameters(), policy.gain, policy.bias]
        self._optimiser = torch.optim.Adam(
            [{'params': vision, 'top': rates.vision}, {'params': cell, 'top': rates.cell}], lr=rates.vision, fused=False
        )
        self._memory: deque[Sequences] = deque(maxlen=MEMORY)

    def remember(self, sequences: Sequences) -> None:
        """Keep sequences to learn from; the oldest are forgotten."""
        self._memory.append(sequences)

    def learn(self, batch: int, progress: float) -> float:
        """Take one gradient step on ``batch`` remembered sequences; see ``learn_from``."""
        return self.learn_from(self._sample(batch), progress)

    def learn_from(self, sequences: Sequences, progress: float) -> float:
        """Take one gradient step on sequences; ``progress`` in 0..1 sets the learning rate.

        :return: the loss, mean squared error of steering as a fraction of its limit, turns weighing more.
        """
        for group in self._optimiser.param_groups:
            group['lr'] = group['top'] * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * progress)))
        loss = self._loss(sequences)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._policy.parameters(), CLIP_NORM)
        self._optimiser.step()
        return float(loss.detach())

    def _loss(self, sequences: Sequences) -> torch.Tensor:
        state = self._policy.initial_state(len(sequences.pictures))
        steering, _ = self._policy.sequence(sequences.pictures, sequences.imu, sequences.elapsed, state)
        target = sequences.steering[:, WARM_UP_STEPS:]
        weight = torch.exp(TURN_WEIGHT * target.abs())
        return (weight * (steering[:, WARM_UP_STEPS:] - target) ** 2).sum() / weight.sum()

    def _sample(self, batch: int) -> Sequences:
        """Draw sequences, the newest stretch of driving twice as likely as the others."""
        count, cars = len(self._memory), len(self._memory[0].pictures)
        stretch = torch.randint(count + 1, (batch,), generator=self._generator).clamp(max=count - 1).tolist()
        car = torch.randint(cars, (batch,), generator=self._generator).tolist()
        picked = [(self._memory[s], c) for s, c in zip(stretch, car)]
        return Sequences(
            *(
                torch.stack([getattr(sequences, name)[c] for sequences, c in picked])
                for name in ('pictures', 'imu', 'elapsed', 'steering')
            )
        )
