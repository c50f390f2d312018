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
"""A lesson forward through time: the new pictures in the order they were driven, by ``learning.adaptation``."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from liquid_control.errors import InputError
from liquid_control.learning.adaptation import Adaptation
from liquid_control.learning.loop.dataset import Stretch
from liquid_control.learning.recorded import elapsed_periods
from liquid_control.policy.driving_policy import DrivingPolicy

NEWEST = 1800
"""Pictures of a lesson: a car that changes is taught by what it does now, and a lesson must not fall behind."""
REPORT_EVERY = 30


def learn_online(policy: DrivingPolicy, stretches: list[Stretch],
                 report: Callable[[float, float, float], None]) -> tuple[float, int]:
    """Let a policy learn from the newest minute or so of stretches of driving, in order.

    It ends with the weights that would drive now.

    :param report: told now and then the share of the lesson that is over, the mean squared error, and 0 seconds left.
    :return: the mean squared error of what would have driven, and the number of labelled pictures.
    :raises InputError: if there is no labelled picture.
    """
    stretches = _newest(stretches)
    total = sum(len(stretch) for stretch in stretches)
    if not any(stretch.weight.any() for stretch in stretches):
        raise InputError('there is nothing new to learn from: no picture of which a teacher said something; let it '
                         'drive or correct')
    adaptation, errors = Adaptation(policy), []
    for done, error in enumerate(_live(adaptation, stretches, policy.spec.period_s), start=1):
        errors += error
        if done % REPORT_EVERY == 0 or done == total:
            report(done / total, float(np.mean(errors[-REPORT_EVERY:] or [0.0])), 0.0)
    policy.load_state_dict(adaptation.policy.state_dict())
    return float(np.mean(errors)), len(errors)


def _newest(stretches: list[Stretch]) -> list[Stretch]:
    """Return the last stretches that have at most ``NEWEST`` pictures together, at least one, cut if need be."""
    kept, room = [], NEWEST
    for stretch in reversed(stretches):
        if room > 0:
            kept.insert(0, stretch.part(max(0, len(stretch) - room), len(stretch)))
            room -= len(stretch)
    return kept


def _live(adaptation: Adaptation, stretches: list[Stretch], period_s: float) -> Iterator[list[float]]:
    """Go through stretches as if they were driven now; give each picture's squared error, none without a label."""
    for stretch in stretches:
        adaptation.reset()
        elapsed = elapsed_periods(stretch.stamps, period_s)[:, 0].tolist()
        imu = torch.from_numpy(stretch.imu)
        for i, (right, weight) in enumerate(zip(stretch.steering.tolist(), stretch.weight.tolist(), strict=True)):
            label = right if weight > 0.0 else None
            answer = adaptation.step(stretch.pictures[i], imu[i], elapsed[i], label)
            yield [] if label is None else [(answer - label) ** 2]
