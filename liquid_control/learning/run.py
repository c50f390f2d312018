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

"""One run of learning in simulation."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from liquid_control.learning.averaging import AveragedWeights
from liquid_control.learning.best_of_trials import BestOfTrials
from liquid_control.learning.checkpoint import Checkpoint, Position, save_checkpoint
from liquid_control.learning.imitation import Imitation
from liquid_control.learning.rollout_worker import weights_of
from liquid_control.learning.rollouts import Rollouts
from liquid_control.policy.driving_policy import DrivingPolicy

BATCH = 32
STEPS_PER_STRETCH = 6
STEPS_PER_TRIAL = 42
"""Gradient steps while one worker drives the laps of a trial before its next stretch."""
TRIALS_AT = (0.6, 0.8)
"""Shares of the budget at which the policy is tried in closed loop, and at its end; the best of the trials is kept."""
LAST_TRIAL_S = 3.0
LAST_TRIAL_SHARE = 0.2
"""Of a time to learn, what is left for the last trial: 3 s or as long as one took, but not more than a fifth."""
CHECKPOINT_EVERY_S = 10.0


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
    """What learning gave: the best policy, how much it took, its score, and what else a repetition needs to know."""

    policy: DrivingPolicy
    frames: int
    seconds: float
    score: dict
    how: dict = field(default_factory=dict)


class Run:
    """One run of learning beside a team that drives.

    The team drives stretch k + 1 with the weights of before stretch k was learned from, whoever is faster: so a seed
    repeats exactly, and driving and learning go on side by side.

    :param memory: how many stretches are remembered.
    """

    def __init__(
        self,
        policy: DrivingPolicy,
        seed: int,
        budget: Budget,
        rollouts: Rollouts,
        memory: int,
        checkpoint: Path | None = None,
    ) -> None:
        self._policy, self._seed, self._budget, self._rollouts = policy, seed, budget, rollouts
        self._device = policy.gain.device.type
        self._imitation = Imitation(policy, seed, memory=memory)
        self._average = AveragedWeights(policy)
        self._best = BestOfTrials(TRIALS_AT)
        self._began = self._saved = time.monotonic()
        self._checkpoint = checkpoint
        self._stretches, self._frames, self._spent, self._loss = 0, 0, 0.0, math.nan
        self._on_trial, self._trial_s = False, LAST_TRIAL_S

    def learn(self, report: Callable[[Progress], None]) -> Learned:
        """Learn until the budget is spent; return the weights that drove best."""
        self._ask_stretch()
        while self._spent < 1.0:
            report(self._stretch())
            self._save_now_and_then()
        self._take_trial()
        self._rollouts.take_stretch()
        self._ask_trial()
        self._on_trial = True
        rate, lateral = self._take_trial()
        self._policy.load_state_dict(self._best.weights)
        report(Progress(1.0, self._seconds(), self._frames, self._loss, rate, lateral))
        how = {'workers': self._rollouts.workers, 'threads': torch.get_num_threads(), 'device': self._device}
        return Learned(self._policy, self._frames, self._seconds(), self._best.score, how)

    def _stretch(self) -> Progress:
        """Ask for the next stretch of driving and learn from the one that was asked for before."""
        trial = self._take_trial()
        parts = self._rollouts.take_stretch()
        self._on_trial = self._best.due(self._spent)
        if self._on_trial:
            self._ask_trial()
        self._ask_stretch()
        self._imitation.remember(*parts)
        self._loss = self._learn(STEPS_PER_STRETCH + (STEPS_PER_TRIAL // self._rollouts.workers) * self._on_trial)
        self._stretches += 1
        self._frames += sum(part.steering.numel() for part in parts)
        self._spent = self._share_spent()
        return Progress(self._spent, self._seconds(), self._frames, self._loss, *trial)

    def _learn(self, steps: int) -> float:
        losses = []
        for _ in range(steps):
            losses.append(self._imitation.learn(BATCH, self._spent))
            self._average.update()
        return sum(losses) / steps

    def _share_spent(self) -> float:
        """Return the share of the budget that is spent; a time to learn has the last trial in it."""
        last_trial = min(self._trial_s, LAST_TRIAL_SHARE * self._budget.seconds)
        budget = replace(self._budget, seconds=self._budget.seconds - last_trial)
        return budget.spent(self._seconds(), self._frames)

    def _ask_stretch(self) -> None:
        self._rollouts.ask_stretch(weights_of(self._policy), self._spent)

    def _ask_trial(self) -> None:
        weights = self._average.weights()
        self._rollouts.ask_trial(weights_of(weights))
        self._best.asked(self._spent, weights)

    def _take_trial(self) -> tuple[float | None, float | None]:
        if not self._on_trial:
            return None, None
        result, seconds = self._rollouts.take_trial()
        self._trial_s = max(self._trial_s, seconds)
        return self._best.answered(result)

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _save_now_and_then(self) -> None:
        if self._checkpoint is not None and time.monotonic() - self._saved >= CHECKPOINT_EVERY_S:
            save_checkpoint(self.state(), self._checkpoint)
            self._saved = time.monotonic()

    def state(self) -> Checkpoint:
        """Return what ``restore`` needs; what is remembered of the driving is not in it."""
        best_weights, best = self._best.state()
        limits = self._budget.seconds, self._budget.frames
        done = self._stretches, self._frames, self._seconds(), self._average.steps
        return Checkpoint(
            self._policy.spec,
            Position(self._seed, self._rollouts.workers, *limits, *done, best),
            self._policy.state_dict(),
            self._average.weights(),
            self._imitation.state(),
            best_weights,
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from what ``state`` returned."""
        position = checkpoint.position
        self._policy.load_state_dict(checkpoint.weights)
        self._imitation.restore(checkpoint.optimiser)
        self._average.restore(checkpoint.average, position.steps)
        self._began -= position.seconds
        self._stretches, self._frames = position.stretches, position.frames
        self._spent = self._share_spent()
        self._best.restore(checkpoint.best, position.best, self._spent)
