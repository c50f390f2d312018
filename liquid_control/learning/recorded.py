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

"""Learning to steer as a human did, from recorded drives."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import Tensor

from liquid_control.errors import InputError
from liquid_control.learning.averaging import AveragedWeights
from liquid_control.learning.collector import Sequences
from liquid_control.learning.freed_memory import keep_freed_memory
from liquid_control.learning.simulated import Budget, Learned, Progress, new_policy
from liquid_control.learning.views import Views
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.heads import DONKEY_FEATURES
from liquid_control.recording.recorded_drive import RecordedDrive, smooth_labels, split_sequences

MAX_GAP_S = 1.0
MAX_STEP_PERIODS = 10.0
WARM_UP_STEPS = 3
CLIP_NORM = 1.0
LAST_RATE = 0.02
RISE = 0.05
CELL_RATES = {'ltc': 1.5e-2, 'cfc': 3e-3}
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 1e-3, 10.0


@dataclass(frozen=True)
class DriveSettings:
    """How a policy learns from recorded drives.

    :param vision_rate: highest learning rate of the head.
    :param cell_rate: highest learning rate of the network behind it.
    :param steps: pictures of a sequence.
    :param batch: sequences of a gradient step.
    :param variety: of the views of a picture, see ``Views``.
    :param turns: a label y weighs exp(turns |y|).
    :param absolute: how much of the absolute error is added to the squared one. The squared error alone smears
        steering that knows only left, straight and right.
    :param passes: how often each picture is seen at most; what is learned later is learned by heart.
    :param least_frames: pictures seen in all, repetitions counted, where those passes are fewer.
    """

    vision_rate: float = 1.5e-3
    cell_rate: float = 1.5e-2
    steps: int = 16
    batch: int = 8
    variety: float = 1.0
    turns: float = 1.0
    absolute: float = 0.3
    passes: float = 30.0
    least_frames: int = 80_000


def usual_settings(cell: str, head: str) -> DriveSettings:
    """Return the settings that fit a kind of network; found on real drives, see docs/real_drives.md."""
    if head == 'donkey':
        return DriveSettings(
            vision_rate=1e-3, cell_rate=1e-3, steps=1, batch=64, variety=0.0, turns=0.0, absolute=0.0,
            passes=15.0, least_frames=12_000)
    rate = CELL_RATES.get(cell, DriveSettings.vision_rate)
    return DriveSettings(cell_rate=rate)


def drive_policy(cell: str, head: str, seed: int, drives: list[RecordedDrive], use_imu: bool = True) -> DrivingPolicy:
    """Return an untrained policy for the camera of these drives.

    Its control period is theirs. It has IMU channels if it may use an IMU and every drive has one.
    """
    spec = new_policy(cell, head, seed).spec
    period = float(np.median(np.concatenate([np.diff(drive.stamps) for drive in drives])))
    changes: dict[str, object] = {'period_s': min(max(period, SHORTEST_PERIOD_S), LONGEST_PERIOD_S)}
    if not (use_imu and all(drive.has_imu for drive in drives)):
        changes |= {'imu_channels': (), 'imu_scales': ()}
    if head == 'donkey':
        changes['crop'] = (0.0, 0.0, 0.0, 0.0)
        if cell == 'linear':
            changes['inputs'] = DONKEY_FEATURES
    torch.manual_seed(seed)
    policy = DrivingPolicy(replace(spec, **changes))
    if head == 'donkey':
        policy.head.to(memory_format=torch.channels_last)  # the same numbers, a fifth sooner
    return policy


def left_out_of_learning(drive: RecordedDrive, steps: int) -> Counter[str]:
    """Return how many pictures of a drive are not learned from, by reason."""
    short = np.zeros(len(drive), bool)
    for part in split_sequences(drive.stamps, MAX_GAP_S):
        short[part] = part.stop - part.start < steps
    return +Counter({
        f'in a stretch of fewer than {steps} pictures between gaps of {MAX_GAP_S:g} s': int(short.sum()),
        'the car went backwards': int((~short & _backwards(drive)).sum())})


def enough_frames(drives: list[RecordedDrive], settings: DriveSettings) -> int:
    """Return how many pictures to learn from, repetitions counted."""
    return max(settings.least_frames, int(settings.passes * sum(map(len, drives))))


def learn_from_drives(
    policy: DrivingPolicy,
    drives: list[RecordedDrive],
    seed: int,
    budget: Budget,
    report: Callable[[Progress], None],
    settings: DriveSettings | None = None,
) -> Learned:
    """Learn the human's steering, smoothed over five pictures, from sequences that no gap interrupts.

    Where the car went backwards nothing is learned; the sequence goes on through it. Learning ends with the budget, or
    before, unless that is in frames, when ``enough_frames`` were seen.

    :raises InputError: if no stretch of any drive is as long as a sequence.
    """
    settings = settings or usual_settings(policy.spec.cell, policy.spec.head)
    began, frames, spent = time.monotonic(), 0, 0.0
    enough = enough_frames(drives, settings)
    keep_freed_memory()
    torch.manual_seed(seed)
    windows, steps = Windows(policy, drives, seed, settings), GradientSteps(policy, settings)
    while spent < 1.0:
        loss = steps.take(windows.draw(settings.batch), spent)
        frames += settings.batch * settings.steps
        spent = budget.spent(time.monotonic() - began, frames)
        if budget.frames is None:
            spent = min(1.0, max(spent, frames / enough))
        report(Progress(spent, time.monotonic() - began, frames, loss))
    steps.finish()
    left_out = sum((drive.left_out + left_out_of_learning(drive, settings.steps) for drive in drives), Counter())
    how = {'settings': asdict(settings), 'picture': list(drives[0].pictures.shape[1:3]),
           'not_learned_from': dict(left_out)}
    return Learned(policy, frames, time.monotonic() - began, {}, how)


class GradientSteps:
    """Adam with rates of their own for head and network, a cosine, and the average of the last weights."""

    def __init__(self, policy: DrivingPolicy, settings: DriveSettings) -> None:
        self._policy, self._settings = policy, settings
        network = [*policy.network.parameters(), policy.gain, policy.bias]
        self._optimiser = torch.optim.Adam([
            {'params': list(policy.head.parameters()), 'top': settings.vision_rate},
            {'params': network, 'top': settings.cell_rate}], lr=settings.vision_rate)
        self._average = AveragedWeights(policy)

    def take(self, sequences: Sequences, spent: float) -> float:
        """Take a gradient step on sequences; ``spent`` in 0..1 is how far learning is.

        :return: the loss: squared and absolute error of steering as a share of its limit, weighted.
        """
        for group in self._optimiser.param_groups:
            group['lr'] = group['top'] * rate_at(spent)
        self._policy.train()
        loss = self._loss(sequences)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._policy.parameters(), CLIP_NORM)
        self._optimiser.step()
        self._average.update()
        return float(loss.detach())

    def finish(self) -> None:
        """Give the policy the average of its last weights."""
        self._policy.load_state_dict(self._average.weights())
        self._policy.eval()

    def _loss(self, sequences: Sequences) -> Tensor:
        state = self._policy.initial_state(len(sequences.pictures))
        steering, _ = self._policy.sequence(sequences.pictures, sequences.imu, sequences.elapsed, state)
        skip = min(WARM_UP_STEPS, self._settings.steps - 1)
        target = sequences.steering[:, skip:]
        known = target.isfinite()
        target = torch.where(known, target, 0.0)
        weight = torch.exp(self._settings.turns * target.abs()) * known
        error = steering[:, skip:] - target
        loss = error ** 2 + self._settings.absolute * error.abs()
        return (weight * loss).sum() / weight.sum().clamp(min=1.0)


def rate_at(spent: float) -> float:
    """Return the learning rate as a share of the highest: up over the first twentieth, then down by a cosine."""
    falling = LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * spent))
    return falling * min(1.0, LAST_RATE + spent / RISE)


class Windows:
    """Sequences drawn at random from recorded drives."""

    def __init__(self, policy: DrivingPolicy, drives: list[RecordedDrive], seed: int, settings: DriveSettings) -> None:
        self._rng = np.random.default_rng((seed, 0xBA9))
        self._steps = settings.steps
        self._views = Views(seed, settings.variety)
        self._parts = [part for drive in drives for part in _stretches(policy, drive, settings)]
        if not self._parts:
            raise InputError(
                f'no recorded drive has {self._steps} pictures without a gap of {MAX_GAP_S:g} s; record a longer one'
            )
        sizes = np.array([len(part[3]) - self._steps + 1 for part in self._parts], float)
        self._shares = sizes / sizes.sum()

    def draw(self, batch: int) -> Sequences:
        """Return sequences (batch, steps, ...), each stretch as likely as its length."""
        chosen = self._rng.choice(len(self._parts), size=batch, p=self._shares)
        columns = [torch.stack(column) for column in zip(*(self._window(self._parts[part]) for part in chosen))]
        return Sequences(self._views(columns[0]), *columns[1:])

    def _window(self, part: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        start = int(self._rng.integers(len(part[3]) - self._steps + 1))
        return tuple(column[start : start + self._steps] for column in part)


def mirrored(pictures: Tensor, imu: Tensor, steering: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return a drive (T, 3, H, W), (T, 6), (T,) as seen in a mirror.

    Left is right, so the rates about x and z and the acceleration along y change sign.
    """
    return pictures.flip(3), imu * torch.tensor([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0]), -steering


def _stretches(policy: DrivingPolicy, drive: RecordedDrive, settings: DriveSettings) -> list[tuple[Tensor, ...]]:
    sequences = split_sequences(drive.stamps, MAX_GAP_S)
    labels = smooth_labels(drive.steering, sequences=sequences)
    labels = np.where(_backwards(drive), np.float32(math.nan), labels)
    stretches = []
    for part in (part for part in sequences if part.stop - part.start >= settings.steps):
        small = policy.retina.resize(torch.from_numpy(drive.pictures[part]))
        stretches.append(
            (
                small,
                torch.from_numpy(drive.imu[part]),
                elapsed_periods(drive.stamps[part], policy.spec.period_s),
                torch.from_numpy(labels[part]),
            )
        )
    return stretches


def _backwards(drive: RecordedDrive) -> np.ndarray:
    """Return in which pictures [N] the car went backwards; none if that were most, for then the sign is unclear."""
    backwards = drive.throttle < 0.0
    return backwards & (backwards.mean() < 0.5)


def elapsed_periods(stamps: np.ndarray, period_s: float) -> Tensor:
    """Return the time since the picture before in nominal periods, float32 (T, 1); the first counts as one."""
    periods = np.diff(stamps, prepend=stamps[0] - period_s) / period_s
    return torch.from_numpy(np.clip(periods, 0.1, MAX_STEP_PERIODS).astype(np.float32))[:, None]
