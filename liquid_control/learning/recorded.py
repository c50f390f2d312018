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

import time
from collections.abc import Callable

import numpy as np
import torch

from liquid_control.errors import InputError
from liquid_control.learning.collector import Sequences
from liquid_control.learning.imitation import Imitation, Rates
from liquid_control.recording.recorded_drive import RecordedDrive, smooth_labels, split_sequences
from liquid_control.learning.simulated import Budget, Learned, Progress
from liquid_control.policy.driving_policy import DrivingPolicy

STEPS = 32
BATCH = 16
MAX_GAP_S = 1.0
RATES = Rates(vision=1.5e-3, cell=1.5e-2)
MAX_STEP_PERIODS = 10.0


def learn_from_drives(
    policy: DrivingPolicy, drives: list[RecordedDrive], seed: int, budget: Budget, report: Callable[[Progress], None]
) -> Learned:
    """Learn the human's steering, smoothed over five pictures, from sequences that no gap interrupts.

    Half of the sequences are mirrored left to right; light and noise vary.

    :raises InputError: if no stretch of any drive has 32 pictures.
    """
    began, frames, spent = time.monotonic(), 0, 0.0
    windows, imitation = Windows(policy, drives, seed), Imitation(policy, seed, RATES)
    while spent < 1.0:
        loss = imitation.learn_from(windows.draw(BATCH), spent)
        frames += BATCH * STEPS
        spent = budget.spent(time.monotonic() - began, frames)
        report(Progress(spent, time.monotonic() - began, frames, loss))
    return Learned(policy, frames, time.monotonic() - began, {})


class Windows:
    """Sequences of 32 pictures drawn at random from recorded drives."""

    def __init__(self, policy: DrivingPolicy, drives: list[RecordedDrive], seed: int) -> None:
        self._rng = np.random.default_rng((seed, 0xBA9))
        self._parts = [part for drive in drives for part in _stretches(policy, drive)]
        if not self._parts:
            raise InputError(
                f'no recorded drive has {STEPS} pictures without a gap of {MAX_GAP_S:g} s; record a longer one'
            )

    def draw(self, batch: int) -> Sequences:
        """Return sequences (batch, 32, ...), each stretch as likely as its length."""
        sizes = np.array([len(part[3]) - STEPS + 1 for part in self._parts], float)
        return Sequences(
            *(
                torch.stack(column)
                for column in zip(
                    *(
                        self._window(self._parts[self._rng.choice(len(sizes), p=sizes / sizes.sum())])
                        for _ in range(batch)
                    )
                )
            )
        )

    def _window(self, part: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        start = int(self._rng.integers(len(part[3]) - STEPS + 1))
        pictures, imu, elapsed, steering = (column[start : start + STEPS] for column in part)
        if self._rng.random() < 0.5:
            pictures, imu, steering = mirrored(pictures, imu, steering)
        return self._vary(pictures), imu, elapsed, steering

    def _vary(self, pictures: torch.Tensor) -> torch.Tensor:
        values = pictures.float() * self._rng.uniform(0.6, 1.5) + self._rng.uniform(-20.0, 20.0)
        grain = self._rng.standard_normal(pictures.shape, dtype=np.float32) * np.float32(self._rng.uniform(0.0, 10.0))
        return (values + torch.from_numpy(grain)).clamp(0.0, 255.0)


def mirrored(
    pictures: torch.Tensor, imu: torch.Tensor, steering: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a drive (T, 3, H, W), (T, 6), (T,) as seen in a mirror.

    Left is right, so the rates about x and z and the acceleration along y change sign.
    """
    return pictures.flip(3), imu * torch.tensor([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0]), -steering


def _stretches(policy: DrivingPolicy, drive: RecordedDrive) -> list[tuple[torch.Tensor, ...]]:
    sequences = split_sequences(drive.stamps, MAX_GAP_S)
    labels = smooth_labels(drive.steering, sequences=sequences)
    stretches = []
    for part in (part for part in sequences if part.stop - part.start >= STEPS):
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


def elapsed_periods(stamps: np.ndarray, period_s: float) -> torch.Tensor:
    """Return the time since the picture before in nominal periods, float32 (T, 1); the first counts as one."""
    periods = np.diff(stamps, prepend=stamps[0] - period_s) / period_s
    return torch.from_numpy(np.clip(periods, 0.1, MAX_STEP_PERIODS).astype(np.float32))[:, None]
