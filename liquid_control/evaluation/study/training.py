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

"""Learning of one network of the study."""

from dataclasses import replace

import torch

from liquid_control.evaluation.study.data import Dataset
from liquid_control.learning.imitation import VISION_RATE, WARM_UP_STEPS, Imitation, Rates
from liquid_control.learning.simulated import BATCH, new_policy
from liquid_control.policy.driving_policy import DrivingPolicy


def learn(cell: str, seed: int, dataset: Dataset, steps: int, rate: float) -> DrivingPolicy:
    """Return the policy after ``steps`` gradient steps; every cell of a seed meets the same batches in the same order.

    :param rate: learning rate of the part behind the head; the head's is the same for all.
    """
    policy = new_policy(cell, 'small', seed)
    imitation = Imitation(policy, seed, Rates(vision=VISION_RATE, cell=rate))
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        imitation.learn_from(dataset.draw(BATCH, generator), step / steps)
    policy.eval()
    policy.spec = replace(
        policy.spec,
        training={'command': 'liquid-control study', 'cell': cell, 'seed': seed, 'steps': steps, 'rate': rate},
        score={'held_out_mae': held_out_error(policy, dataset)},
    )
    return policy


def held_out_error(policy: DrivingPolicy, dataset: Dataset) -> float:
    """Return the mean absolute error of steering, as a fraction of its limit, on sequences not learned from."""
    held = dataset.held_out()
    with torch.inference_mode():
        state = policy.initial_state(len(held.pictures))
        steering, _ = policy.sequence(held.pictures, held.imu, held.elapsed, state)
    return float((steering - held.steering)[:, WARM_UP_STEPS:].abs().mean())
