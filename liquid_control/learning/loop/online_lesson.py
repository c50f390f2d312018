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
"""A lesson forward through time: each new picture once, in the order it was driven, by ``learning.adaptation``."""

from collections.abc import Callable

import numpy as np
import torch

from liquid_control.errors import InputError
from liquid_control.learning.adaptation import Adaptation
from liquid_control.learning.loop.dataset import Stretch
from liquid_control.learning.recorded import elapsed_periods
from liquid_control.policy.driving_policy import DrivingPolicy


def learn_online(policy: DrivingPolicy, stretches: list[Stretch],
                 report: Callable[[float, float, float], None]) -> tuple[float, int]:
    """Let a policy learn from stretches of driving; it ends with the weights that answered them best.

    :param report: told the share of the lesson that is over, the last stretch's mean squared error, and 0 seconds left.
    :return: the mean squared error of what would have driven, and the number of labelled pictures.
    :raises InputError: if there is no labelled picture.
    """
    total = sum(len(stretch) for stretch in stretches)
    if not any(stretch.weight.any() for stretch in stretches):
        raise InputError('there is nothing new to learn from: no picture of which a teacher said something; let it '
                         'drive or correct')
    adaptation, errors, done = Adaptation(policy), [], 0
    for stretch in stretches:
        errors += _live(adaptation, stretch, policy.spec.period_s)
        done += len(stretch)
        report(done / total, float(np.mean(errors[-len(stretch):] or [0.0])), 0.0)
    policy.load_state_dict(adaptation.policy.state_dict())
    return float(np.mean(errors)), len(errors)


def _live(adaptation: Adaptation, stretch: Stretch, period_s: float) -> list[float]:
    """Go through a stretch as if it were driven now; return the squared errors where the teacher said something."""
    adaptation.reset()
    elapsed = elapsed_periods(stretch.stamps, period_s)[:, 0].tolist()
    imu, errors = torch.from_numpy(stretch.imu), []
    for i, (right, weight) in enumerate(zip(stretch.steering.tolist(), stretch.weight.tolist(), strict=True)):
        label = right if weight > 0.0 else None
        answer = adaptation.step(stretch.pictures[i], imu[i], elapsed[i], label)
        if label is not None:
            errors.append((answer - label) ** 2)
    return errors
