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

"""One lesson: a policy learns from everything recorded so far, for a time."""
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from liquid_control.learning.averaging import AveragedWeights
from liquid_control.learning.imitation import CELL_RATE, VISION_RATE, WARM_UP_STEPS, Imitation, Rates
from liquid_control.learning.loop.dataset import STEPS, Dataset, Draws, Stretch
from liquid_control.learning.loop.learner_request import Request
from liquid_control.learning.loop.online_lesson import learn_online
from liquid_control.learning.recorded import elapsed_periods
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.policy_file import load_policy, save_policy
from liquid_control.revision import revision

BATCH = 32
FIRST_RATES, FURTHER_RATES = Rates(), Rates(0.5 * VISION_RATE, 0.5 * CELL_RATE)
"""Of a lesson that begins anew, and of one that goes on from a policy: at the full rates a short lesson undoes as much
as it teaches."""
MAX_SLOWDOWN = 3.0
"""A lesson takes its seconds of computing; where others need the cores, it ends after this many times as long."""
LOSS_STEPS = 20


@dataclass(frozen=True)
class Learned:
    """What a lesson gave: the last losses' mean, the error on samples held out, and the number of gradient steps."""

    loss: float
    held_out_mae: float | None
    steps: int


class Clock:
    """How far a lesson has come, from 0 to 1."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._began_s, self._computed_s = time.monotonic(), time.process_time()

    def spent(self, steps: int) -> float:
        """Return the share of the steps, or of the seconds of computing."""
        if self._request.steps:
            return min(1.0, steps / self._request.steps)
        computed = (time.process_time() - self._computed_s) / self._request.seconds
        return min(1.0, max(computed, self.seconds() / (MAX_SLOWDOWN * self._request.seconds)))

    def seconds(self) -> float:
        """Return the time since the beginning."""
        return time.monotonic() - self._began_s


def pupil(request: Request) -> DrivingPolicy:
    """Return the policy that a request starts from.

    :raises InputError: if its file is unusable.
    """
    return load_policy(request.start) if request.start else new_policy(request.cell, request.head, request.seed)


def learn(policy: DrivingPolicy, dataset: Dataset, request: Request,
          report: Callable[[float, float, float], None]) -> Learned:
    """Teach a policy what a dataset holds; what it ends with are its weights averaged over the last steps.

    :param report: told the share of the lesson that is over, the loss and the seconds that are left, at each step.
    :raises InputError: if the dataset holds nothing to learn from.
    """
    if request.learn == 'fptt':
        loss, steps = learn_online(policy, dataset.take_new(), report)
        return Learned(loss, held_out_error(policy, dataset.held_out), steps)
    draws = Draws(dataset.stretches, policy.spec.period_s, request.seed + request.round)
    rates = FURTHER_RATES if request.start else FIRST_RATES
    imitation, average = Imitation(policy.train(), request.seed, rates), AveragedWeights(policy)
    clock, spent, losses = Clock(request), 0.0, []
    while spent < 1.0:
        losses.append(imitation.learn_from(draws.draw(BATCH), spent))
        average.update()
        spent = clock.spent(len(losses))
        report(spent, float(np.mean(losses[-LOSS_STEPS:])), clock.seconds() * (1.0 - spent) / max(spent, 1e-3))
    policy.load_state_dict(average.weights())
    policy.eval()
    return Learned(float(np.mean(losses[-LOSS_STEPS:])), held_out_error(policy, dataset.held_out), len(losses))


def held_out_error(policy: DrivingPolicy, stretches: list[Stretch]) -> float | None:
    """Return the mean absolute error of steering, 1 = the limit, on labelled samples; None if there are none."""
    errors = [_errors(policy, stretch) for stretch in stretches]
    errors = np.concatenate(errors or [np.zeros(0)])
    return float(errors.mean()) if len(errors) else None


def write(policy: DrivingPolicy, dataset: Dataset, request: Request, learned: Learned) -> None:
    """Write the policy with the record of how it was taught, and drive at the speed that the teacher drove at.

    :raises InputError: if it cannot be written.
    """
    speed = dataset.speed_mps()
    training = {
        'command': 'trainer', 'cell': policy.spec.cell, 'head': policy.spec.head, 'seed': request.seed,
        'round': request.round, 'start': request.start.name if request.start else '', 'bags': dataset.names,
        'samples': len(dataset), 'steps': learned.steps, 'learn': request.learn,
        'frames': learned.steps * (1 if request.learn == 'fptt' else BATCH * STEPS),
        'seconds': request.seconds, 'loss': learned.loss, 'held_out_mae': learned.held_out_mae, 'revision': revision()}
    policy.spec = replace(policy.spec, training=training, score={},
                          speed_mps=policy.spec.speed_mps if speed is None else round(abs(speed), 2))
    save_policy(policy, request.out)


@torch.inference_mode()
def _errors(policy: DrivingPolicy, stretch: Stretch) -> np.ndarray:
    steering, _ = policy.sequence(
        stretch.pictures[None], torch.from_numpy(stretch.imu)[None],
        elapsed_periods(stretch.stamps, policy.spec.period_s)[None], policy.initial_state(1))
    scored = stretch.weight[WARM_UP_STEPS:] > 0.0
    error = steering[0].clamp(-1.0, 1.0).numpy() - stretch.steering
    return np.abs(error[WARM_UP_STEPS:][scored])
