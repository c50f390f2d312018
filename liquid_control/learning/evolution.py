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

"""Fine-tuning from a reward by an evolution strategy (CMA-ES, Hansen 2016, through the library cma)."""

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from liquid_control.policy.driving_policy import DrivingPolicy

NEURON_PARAMETERS = {
    'ltc': ('gleak', 'vleak', 'cm'),
    'cfc': ('bias',),
    'spiking': ('layers.0.norm.bias', 'layers.0.membrane_gate.bias', 'layers.0.adaptation_gate.bias'),
    'lstm': ('cell.bias_ih',),
    'lstm100k': ('cell.bias_ih',),
    'gru': ('cell.bias_ih',),
    'cnn': ('layers.0.bias',),
}
"""What is tuned of each network: the values that belong to a neuron. For the LTC: leak, rest and capacity;
for a spiking network: current and time constants at rest."""

FIRST_STEP = 0.3
SPEED_STEP = 0.25
OUTPUT_STEP = 0.2
MAX_SPEED_CHANGE = 1.0


class Genome:
    """The parameters of a policy that evolve, as one vector whose zero is the policy as it was.

    In front stand the output's gain and offset and, when the speed evolves too, the logarithm of the speed; then the
    values of ``NEURON_PARAMETERS``, each in units of the spread of its kind.
    """

    def __init__(self, policy: DrivingPolicy, with_speed: bool, max_speed_mps: float) -> None:
        self._policy, self._with_speed, self._max_speed = policy, with_speed, max_speed_mps
        self._names = NEURON_PARAMETERS[policy.spec.cell]
        self._start = {name: policy.network.get_parameter(name).detach().clone() for name in self._names}
        self._spread = {name: max(float(value.std()), 0.05) for name, value in self._start.items()}

    def __len__(self) -> int:
        return 2 + self._with_speed + sum(value.numel() for value in self._start.values())

    def express(self, vector: np.ndarray) -> 'Individual':
        """Return what drives by a vector (len,)."""
        network = deepcopy(self._policy.network)
        place = 2 + self._with_speed
        with torch.no_grad():
            for name in self._names:
                start = self._start[name]
                values = torch.from_numpy(vector[place : place + start.numel()].astype(np.float32)).view_as(start)
                network.get_parameter(name).copy_(start + self._spread[name] * values)
                place += start.numel()
        gain = self._policy.gain.item() * math.exp(OUTPUT_STEP * vector[0])
        bias = self._policy.bias.item() + 0.1 * OUTPUT_STEP * vector[1]
        return Individual(network, gain, bias, self._speed(vector))

    def policy(self, vector: np.ndarray, training: dict) -> DrivingPolicy:
        """Return a policy of its own by a vector, with what is added to the record of its training."""
        individual = self.express(vector)
        spec = self._policy.spec
        policy = deepcopy(self._policy)
        policy.network = individual.network
        with torch.no_grad():
            policy.gain.fill_(individual.gain)
            policy.bias.fill_(individual.bias)
        policy.speed = individual.speed_mps
        policy.spec = replace(
            spec, speed_mps=individual.speed_mps, training={**spec.training, 'tuned': training}, score={}
        )
        return policy.eval()

    def _speed(self, vector: np.ndarray) -> float:
        if not self._with_speed:
            return self._policy.spec.speed_mps
        change = float(np.clip(SPEED_STEP * vector[2], -MAX_SPEED_CHANGE, MAX_SPEED_CHANGE))
        return min(self._policy.spec.speed_mps * math.exp(change), self._max_speed)


@dataclass(frozen=True)
class Individual:
    """One candidate: a network behind the head that all share, and how its output becomes a command."""

    network: nn.Module
    gain: float
    bias: float
    speed_mps: float


def verified(genome: Genome, worth: Callable[[list[Individual], int], np.ndarray], found: np.ndarray) -> np.ndarray:
    """Return what is worth most on rides that the search has not met: the start (zeros), half the way, or ``found``."""
    candidates = [share * found for share in (0.0, 0.5, 1.0)]
    return candidates[int(np.argmax(worth([genome.express(vector) for vector in candidates], 0)))]


@dataclass(frozen=True)
class Generation:
    """One line of the log: rewards in metres a ride, of the best, of all on average, of the centre of the search."""

    generation: int
    seconds: float
    best: float
    mean: float
    centre: float
    speed_mps: float
    step: float


def evolve(
    genome: Genome,
    worth: Callable[[list[Individual], int], np.ndarray],
    generations: int,
    population: int,
    seed: int,
    report: Callable[[Generation], None],
) -> np.ndarray:
    """Return the centre of the search after some generations, (len(genome),).

    :param worth: returns the mean reward of each individual; within a generation, whose number it gets, all must meet
        the same roads and faults (common random numbers).
    """
    import cma

    began = time.monotonic()
    search = cma.CMAEvolutionStrategy(
        np.zeros(len(genome)), FIRST_STEP, {'popsize': population, 'seed': seed + 1, 'verbose': -9}
    )
    for generation in range(generations):
        vectors, centre = search.ask(), search.result.xfavorite
        rewards = worth([genome.express(vector) for vector in (*vectors, centre)], generation)
        search.tell(vectors, (-rewards[:-1]).tolist())
        report(
            Generation(
                generation, time.monotonic() - began, float(rewards[:-1].max()), float(rewards[:-1].mean()),
                float(rewards[-1]), genome.express(centre).speed_mps, float(search.sigma),
            )  # fmt: skip
        )
    return np.array(search.result.xfavorite)
