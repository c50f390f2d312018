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

"""What drives for learning, in whatever process or on whatever machine it is."""

import time
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from liquid_control.learning.collector import Collector, Sequences
from liquid_control.learning.trial import Trial, TrialResult
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.spec import PolicySpec
from liquid_control.simulation.car import default_car
from liquid_control.simulation.random_track import random_track

Weights = dict[str, np.ndarray]


@dataclass(frozen=True)
class Team:
    """What all workers of a run have in common.

    :param cars: cars of each worker; ``steps``: ticks of a stretch of driving.
    :param trial_seeds: tracks of the trials, which the workers share out among them.
    :param start: number of the first stretch, above 0 when a run is resumed; it is part of the seed.
    """

    spec: PolicySpec
    seed: int
    workers: int
    cars: int
    steps: int
    trial_seeds: tuple[int, ...] = field(default=())
    start: int = 0


class RolloutWorker:
    """One of a team: drives its own cars on its own roads, and in trials its part of the tracks.

    What it gives depends only on the team, its number and the weights and order of what it is asked.
    """

    def __init__(self, team: Team, number: int) -> None:
        torch.set_num_threads(1)
        self._team = team
        self._policy = DrivingPolicy(team.spec).eval()
        seed = (team.seed, number, team.start) if number or team.start else team.seed
        self._collector = Collector(self._policy, default_car(), team.cars, seed)
        self._own_trial_seeds = team.trial_seeds[number :: team.workers]
        self._trial: Trial | None = None

    def collect(self, weights: Weights, progress: float) -> Sequences:
        """Drive the next stretch."""
        self._take(weights)
        return self._collector.collect(self._team.steps, progress)

    def try_out(self, weights: Weights) -> tuple[TrialResult, float]:
        """Drive a lap on each of this worker's tracks; return also how many seconds it took."""
        began = time.monotonic()
        if self._trial is None:
            self._trial = Trial(default_car(), [random_track(seed) for seed in self._own_trial_seeds])
        self._take(weights)
        return self._trial.drive(self._policy), time.monotonic() - began

    def _take(self, weights: Weights) -> None:
        self._policy.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})


def weights_of(policy: DrivingPolicy | dict[str, torch.Tensor]) -> Weights:
    """Return weights as workers take them."""
    tensors = policy if isinstance(policy, dict) else policy.state_dict()
    return {name: value.detach().cpu().numpy().copy() for name, value in tensors.items()}


def joined(answers: list[tuple[TrialResult, float]]) -> tuple[TrialResult, float]:
    """Return the result of a trial that a team shared out, in the order of its tracks, and the longest time it took."""
    parts, workers, columns = [part for part, _ in answers], len(answers), {}
    for name in asdict(parts[0]):
        whole = np.zeros(sum(len(getattr(part, name)) for part in parts), getattr(parts[0], name).dtype)
        for number, part in enumerate(parts):
            whole[number::workers] = getattr(part, name)
        columns[name] = whole
    return TrialResult(**columns), max(seconds for _, seconds in answers)
