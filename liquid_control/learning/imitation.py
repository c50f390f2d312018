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
    """Gradient steps on sequences: backpropagation through time, Adam, cosine learning rate.

    Computes where the policy's weights are, on a GPU or the CPU; sequences are kept on the CPU.

    :param memory: how many calls of ``remember`` are remembered.
    """

    def __init__(self, policy: DrivingPolicy, seed: int, rates: Rates | None = None, memory: int = MEMORY) -> None:
        rates = rates or Rates()
        self._policy = policy
        self._device = policy.gain.device
        self._generator = torch.Generator().manual_seed(seed)
        vision = list(policy.head.parameters())
        cell = [*policy.network.parameters(), policy.gain, policy.bias]
        self._optimiser = torch.optim.Adam(
            [{'params': vision, 'top': rates.vision}, {'params': cell, 'top': rates.cell}], lr=rates.vision, fused=False
        )
        self._memory: deque[tuple[Sequences, ...]] = deque(maxlen=memory)

    def remember(self, *parts: Sequences) -> None:
        """Keep sequences to learn from, all of one length; the oldest are forgotten."""
        self._memory.append(parts)

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

    def state(self) -> dict[str, torch.Tensor]:
        """Return what a later ``restore`` needs beside the weights: moments of the optimiser, random numbers."""
        tensors = {'generator': self._generator.get_state()}
        for number, parameter in enumerate(self._parameters()):
            for name, value in self._optimiser.state[parameter].items():
                tensors[f'{number}.{name}'] = value.detach().cpu().clone()
        return tensors

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Go on from what ``state`` returned.

        :raises KeyError: if it was of another policy.
        """
        self._generator.set_state(tensors['generator'])
        for number, parameter in enumerate(self._parameters()):
            self._optimiser.state[parameter] = {
                name: tensors[f'{number}.{name}'].clone().to('cpu' if name == 'step' else self._device)
                for name in ('step', 'exp_avg', 'exp_avg_sq')
            }

    def _parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for group in self._optimiser.param_groups for parameter in group['params']]

    def _loss(self, sequences: Sequences) -> torch.Tensor:
        device = self._device
        state = self._policy.initial_state(len(sequences.pictures)).to(device)
        steering, _ = self._policy.sequence(
            sequences.pictures.to(device), sequences.imu.to(device), sequences.elapsed.to(device), state
        )
        target = sequences.steering[:, WARM_UP_STEPS:].to(device)
        weight = torch.exp(TURN_WEIGHT * target.abs())
        if sequences.weight is not None:
            weight = weight * sequences.weight[:, WARM_UP_STEPS:].to(device)
        return (weight * (steering[:, WARM_UP_STEPS:] - target) ** 2).sum() / weight.sum().clamp(min=1e-6)

    def _sample(self, batch: int) -> Sequences:
        """Draw sequences, the newest stretch of driving twice as likely as the others."""
        count, cars = len(self._memory), len(self._memory[0][0].pictures)
        stretch = torch.randint(count + 1, (batch,), generator=self._generator).clamp(max=count - 1).tolist()
        car = torch.randint(len(self._memory[0]) * cars, (batch,), generator=self._generator).tolist()
        picked = [(self._memory[s][c // cars], c % cars) for s, c in zip(stretch, car)]
        return Sequences(
            *(
                torch.stack([getattr(sequences, name)[c] for sequences, c in picked])
                for name in ('pictures', 'imu', 'elapsed', 'steering')
            )
        )


def learning_device() -> torch.device:
    """Return where gradients are computed: on the first GPU where there is one, else on the CPU."""
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
