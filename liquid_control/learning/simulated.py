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

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from liquid_control.learning.checkpoint import Checkpoint
from liquid_control.learning.freed_memory import keep_freed_memory
from liquid_control.learning.imitation import MEMORY, learning_device
from liquid_control.learning.rollout_worker import Team
from liquid_control.learning.rollouts import default_workers, learning_threads, open_rollouts
from liquid_control.learning.run import BATCH, Budget, Learned, Progress, Run
from liquid_control.liquid.wirings import car_ncp
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.spec import PolicySpec
from liquid_control.policy.wiring_data import wiring_to_data
from liquid_control.simulation.car import default_car

__all__ = ['BATCH', 'CARS', 'STRETCH', 'Budget', 'Learned', 'Progress', 'Where', 'learn_in_simulation', 'new_policy']

CARS = 64
STRETCH = 16
LEAST_MEMORY = 8
TRIAL_SEEDS = range(990_000, 990_020)


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


@dataclass(frozen=True)
class Where:
    """Where a run drives and what it keeps for the next; none of it says how it learns, but ``workers`` does.

    :param workers: how many processes drive beside the one that learns; half of the cores by default.
    :param ray: address of the Ray cluster on which they run instead of this machine.
    :param checkpoint: file that is kept up to date while learning goes on.
    """

    workers: int | None = None
    ray: str | None = None
    checkpoint: Path | None = None


def learn_in_simulation(
    policy: DrivingPolicy,
    seed: int,
    budget: Budget,
    report: Callable[[Progress], None],
    where: Where = Where(),
    resumed: Checkpoint | None = None,
) -> Learned:
    """Learn from the expert in the fast simulator; ``report`` is called after every stretch of driving.

    With a budget of frames, the same seed and number of workers give the same weights on the same machine, bit by bit.

    :param resumed: go on from here instead of from nothing: its weights, optimiser and schedule; roads are new.
    """
    workers = where.workers or default_workers()
    torch.set_num_threads(learning_threads(workers))
    keep_freed_memory()
    start = resumed.position.stretches if resumed else 0
    team = Team(policy.spec, seed, workers, CARS, STRETCH, tuple(TRIAL_SEEDS), start)
    memory = max(LEAST_MEMORY, MEMORY // workers)
    rollouts = open_rollouts(team, memory, where.ray)
    try:
        run = Run(policy.to(learning_device()), seed, budget, rollouts, memory, where.checkpoint)
        if resumed:
            run.restore(resumed)
        return _with_tracks(run.learn(report))
    finally:
        rollouts.close()
        policy.cpu()


def _with_tracks(learned: Learned) -> Learned:
    """Say in the score on which tracks it was reached."""
    score = {key: value for key, value in learned.score.items() if key != 'progress'}
    tracks = f'random:{TRIAL_SEEDS[0]}..{TRIAL_SEEDS[-1]}'
    return replace(learned, score={'engine': 'fast', 'tracks': tracks, 'episodes': len(TRIAL_SEEDS), **score})
