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

"""Learning to drive in simulation, from nothing to a policy."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from liquid_control.learning.collector import Collector
from liquid_control.learning.imitation import Imitation
from liquid_control.learning.trial import Trial
from liquid_control.liquid.wirings import car_ncp
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.spec import PolicySpec
from liquid_control.policy.wiring_data import wiring_to_data
from liquid_control.simulation.car import default_car
from liquid_control.simulation.random_track import random_track

CARS = 64
STRETCH = 16
STEPS_PER_STRETCH = 8
BATCH = 32
TRIAL_SEEDS = range(990_000, 990_020)
TRIALS_AT = (0.6, 0.8, 1.0)
"""Shares of the time at which the policy is tried in closed loop; the best of the trials is kept."""


@dataclass(frozen=True)
class Budget:
    """When learning ends: after ``seconds``, or after ``frames`` collected, which a seed repeats exactly."""

    seconds: float
    frames: int | None = None

    def spent(self, seconds: float, frames: int) -> float:
        """Return the share of the budget that is spent, 0..1."""
        return min(1.0, seconds / self.seconds if self.frames is None else frames / self.frames)


@dataclass(frozen=True)
class Progress:
    """One line of the learning log; the trial columns are None between trials."""

    spent: float
    seconds: float
    frames: int
    loss: float
    trial_completed: float | None = None
    trial_mean_abs_lateral_m: float | None = None


@dataclass(frozen=True)
class Learned:
    """What learning gave: the best policy, how much it took and its score in the last trial."""

    policy: DrivingPolicy
    frames: int
    seconds: float
    score: dict


def new_policy(cell: str, head: str, seed: int) -> DrivingPolicy:
    """Return an untrained policy; a liquid cell gets the car wiring of the paper: 19 neurons, 252 synapses."""
    torch.manual_seed(seed)
    wiring = wiring_to_data(car_ncp(32, seed)) if cell in ('ltc', 'cfc') else None
    imu = {} if head == 'small' else {'imu_channels': (), 'imu_scales': ()}
    return DrivingPolicy(
        PolicySpec(
            cell=cell,
            wiring=wiring,
            head=head,
            period_s=1.0 / default_car().camera.rate_hz,
            max_steering_rad=default_car().max_steering_rad,
            **imu,
        )
    )


def learn_in_simulation(
    policy: DrivingPolicy, seed: int, budget: Budget, report: Callable[[Progress], None]
) -> Learned:
    """Learn from the expert in the fast simulator; ``report`` is called after every stretch of driving."""
    began = time.monotonic()
    collector, imitation = Collector(policy, default_car(), CARS, seed), Imitation(policy, seed)
    keeper = BestOfTrials(policy)
    frames, spent = 0, 0.0
    while spent < 1.0:
        imitation.remember(collector.collect(STRETCH, spent))
        frames += CARS * STRETCH
        loss = sum(imitation.learn(BATCH, spent) for _ in range(STEPS_PER_STRETCH)) / STEPS_PER_STRETCH
        spent = budget.spent(time.monotonic() - began, frames)
        trial = keeper.consider(spent)
        report(Progress(spent, time.monotonic() - began, frames, loss, *trial))
    return Learned(policy, frames, time.monotonic() - began, keeper.restore_best())


class BestOfTrials:
    """Tries the policy in closed loop now and then and remembers the weights that drove best.

    Offline error does not tell which policy drives (Lechner et al. 2020), so weights are chosen by driving.
    """

    def __init__(self, policy: DrivingPolicy) -> None:
        self._policy = policy
        self._trial = Trial(default_car(), [random_track(seed) for seed in TRIAL_SEEDS])
        self._due = list(TRIALS_AT)
        self._best: tuple[tuple[float, float], dict] | None = None

    def consider(self, spent: float) -> tuple[float | None, float | None]:
        """Try the policy if a trial is due; return the rate of completed laps and the mean offset, or None twice."""
        if not self._due or spent < self._due[0]:
            return None, None
        self._due = [share for share in self._due if share > spent]
        result = self._trial.drive(self._policy)
        rate, lateral = float(result.completed.mean()), float(result.mean_abs_lateral_m.mean())
        merit = (rate + float(result.progress.mean()), -lateral)
        if self._best is None or merit >= self._best[0]:
            weights = {name: value.clone() for name, value in self._policy.state_dict().items()}
            self._best = (merit, {'weights': weights, 'rate': rate, 'lateral': lateral})
        return rate, lateral

    def restore_best(self) -> dict:
        """Put the best weights back and return their score."""
        _, best = self._best
        self._policy.load_state_dict(best['weights'])
        return {
            'engine': 'fast',
            'tracks': f'random:{TRIAL_SEEDS[0]}..{TRIAL_SEEDS[-1]}',
            'episodes': len(TRIAL_SEEDS),
            'rate': best['rate'],
            'mean_abs_lateral_m': best['lateral'],
        }
