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

"""Open-loop evaluation: how far a policy's steering is from a human's on a recorded drive."""
from dataclasses import dataclass

import numpy as np

from liquid_control.recording.recorded_drive import RecordedDrive, split_sequences
from liquid_control.policy.compiling import Runner
from liquid_control.policy.driving_policy import DrivingPolicy


@dataclass(frozen=True)
class OpenLoop:
    """Errors on steering scaled to -1..1: number of pictures, mean absolute error, coefficient of determination."""

    samples: int
    steering_mae: float
    steering_r2: float


def predict(policy: DrivingPolicy, drive: RecordedDrive, max_gap_s: float = 1.0) -> np.ndarray:
    """Return the policy's steering at each picture, float32 [N] in -1..1 of its steering limit, left positive.

    It runs as it would in the car: one picture after the other, with the time between stamps as elapsed time. Gaps
    above ``max_gap_s`` reset it.
    """
    runner = Runner(policy, *drive.pictures.shape[1:3])
    limit = policy.spec.max_steering_rad
    steering = np.empty(len(drive), np.float32)
    for part in split_sequences(drive.stamps, max_gap_s):
        runner.reset()
        elapsed = np.diff(drive.stamps[part], prepend=drive.stamps[part.start] - policy.spec.period_s)
        for place, seconds in zip(range(part.start, part.stop), elapsed.tolist(), strict=True):
            steering[place] = runner.step(drive.pictures[place], drive.imu[place], seconds).steering_rad / limit
    return steering


def compare(predicted: np.ndarray, steering: np.ndarray) -> OpenLoop:
    """Return the errors of predicted steering [N] against the human's [N]; R2 is 0 where the human never steered."""
    error = predicted.astype(np.float64) - steering
    spread = float(((steering - steering.mean(dtype=np.float64)) ** 2).sum())
    r2 = 1.0 - float((error ** 2).sum()) / spread if spread > 1e-12 else 0.0
    return OpenLoop(len(steering), float(np.abs(error).mean()), r2)


def open_loop(policy: DrivingPolicy, drive: RecordedDrive, max_gap_s: float = 1.0) -> OpenLoop:
    """Run a policy over a drive and return its errors."""
    return compare(predict(policy, drive, max_gap_s), drive.steering)


def always_the_mean(drive: RecordedDrive, mean: float | None = None) -> OpenLoop:
    """Return the errors of steering the same all the time: ``mean``, by default the drive's own mean."""
    constant = float(drive.steering.mean()) if mean is None else mean
    return compare(np.full(len(drive), constant, np.float32), drive.steering)


def previous_command(drive: RecordedDrive, max_gap_s: float = 1.0) -> OpenLoop:
    """Return the errors of ``repeat_previous``."""
    return compare(repeat_previous(drive, max_gap_s), drive.steering)


def repeat_previous(drive: RecordedDrive, max_gap_s: float = 1.0) -> np.ndarray:
    """Return the human's command one picture earlier, [N]; straight on after a gap."""
    repeated = np.zeros(len(drive), np.float32)
    for part in split_sequences(drive.stamps, max_gap_s):
        repeated[part.start + 1:part.stop] = drive.steering[part.start:part.stop - 1]
    return repeated
