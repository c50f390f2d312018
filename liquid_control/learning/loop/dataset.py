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

"""What the learner learns from: stretches of driving without a gap, kept small in memory, and sequences out of them."""
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from liquid_control.errors import InputError
from liquid_control.learning.augment import Light, kept_frames, late
from liquid_control.learning.collector import Sequences
from liquid_control.learning.imitation import WARM_UP_STEPS
from liquid_control.learning.recorded import elapsed_periods, mirrored
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.recording.bag_folder import bags_in
from liquid_control.recording.recorded_drive import (
    MIN_SPEED_MPS, RecordedDrive, load_drive, smooth_labels, split_sequences)
from liquid_control.recording.sample_reader import SampleReader, Samples, as_arrays
from liquid_control.simulation.car import default_car

STEPS = 18
"""Pictures of a sequence; 32 sequences as float tensors stay just below what ``freed_memory`` can keep."""
ROOM = STEPS + 8
"""Pictures that a sequence may reach over when frames are lost."""
MAX_GAP_S = 0.25
"""A longer time between two pictures ends a stretch: a pause, a lost connection or another road."""
INTERVENTION_WEIGHT = 2.0
"""Weight of a sample with which a teacher took over.

It shows what the policy does not know, and there are few: where interventions are learned from with the same share as
all other data, success rises (Mandlekar et al. 2020, Human-in-the-Loop Imitation Learning using Remote Teleoperation;
HG-DAgger, Kelly et al. 2019, learns from them alone). Twice the weight leans that way and still lets the many
samples of good driving say what good driving is.
"""
BLOCK = 48
HELD_OUT_EVERY = 16
MAX_SAMPLES = 60_000


@dataclass(frozen=True)
class Stretch:
    """N pictures in a row, each at most ``MAX_GAP_S`` after the one before.

    :param pictures: uint8 (N, 3, height, width), as ``retina.resize`` gives them.
    :param imu: float32 (N, 6).
    :param stamps: float64 (N,), seconds.
    :param steering: float32 (N,), what the teacher says, -1..1 of the car's limit; 0 where it says nothing.
    :param weight: float32 (N,), 0 where the teacher says nothing.
    :param speeds: float32 (N,), the teacher's speed in m/s, NaN where it says nothing.
    """

    pictures: torch.Tensor
    imu: np.ndarray
    stamps: np.ndarray
    steering: np.ndarray
    weight: np.ndarray
    speeds: np.ndarray

    def __len__(self) -> int:
        return len(self.stamps)

    def part(self, start: int, stop: int) -> 'Stretch':
        """Return pictures start..stop-1."""
        return Stretch(*(getattr(self, name)[start:stop] for name in self.__dataclass_fields__))


class Dataset:
    """All samples of folders of bags and of other recordings; what was read once is not read again.

    :ivar left_out: how many samples are not learned from, by reason.
    :ivar names: of the bags and recordings.
    """

    def __init__(self, policy: DrivingPolicy) -> None:
        self._retina, self._needs_imu = policy.retina, bool(policy.spec.imu_channels)
        self._limit, self._period = policy.spec.max_steering_rad, policy.spec.period_s
        self._readers: dict[Path, SampleReader] = {}
        self._stretches: list[Stretch] = []
        self._held_out: list[Stretch] = []
        self._new: list[Stretch] = []
        self._blocks = 0
        self.left_out: Counter[str] = Counter()
        self.names: list[str] = []

    def fits(self, policy: DrivingPolicy) -> bool:
        """Return whether what was read can be learned from by this policy."""
        ours, theirs = self._retina, policy.retina
        return (ours.height, ours.width, ours.top, ours.bottom, ours.left, ours.right, self._needs_imu, self._limit,
                self._period) == (
            theirs.height, theirs.width, theirs.top, theirs.bottom, theirs.left, theirs.right,
            bool(policy.spec.imu_channels), policy.spec.max_steering_rad, policy.spec.period_s)

    def __len__(self) -> int:
        return sum(len(stretch) for stretch in self._stretches)

    @property
    def stretches(self) -> list[Stretch]:
        """What to learn from."""
        return self._stretches

    @property
    def held_out(self) -> list[Stretch]:
        """A sixteenth of all, in blocks of 48 pictures, that is never learned from."""
        return self._held_out

    def take_new(self) -> list[Stretch]:
        """Return what to learn from that was not returned before."""
        new, self._new = self._new, []
        return new

    def read(self, bags: Path, recordings: Iterable[str], report: Callable[[], None] = lambda: None) -> None:
        """Read what is new in a folder of bags, and the recordings that were not read yet.

        :param report: called before each of them.
        :raises InputError: if a recording cannot be read.
        """
        for bag in bags_in(bags):
            report()
            reader = self._readers.setdefault(bag, SampleReader(bag))
            before = Counter(reader.left_out)
            self._take_samples(as_arrays(reader.read(), self._small))
            self.left_out.update(reader.left_out - before)
            self._name(bag.name)
        for recording in recordings:
            report()
            if Path(recording).name not in self.names:
                self._take_drive(load_drive(recording))
                self._name(Path(recording).name)
        self._forget()

    def speed_mps(self) -> float | None:
        """Return the teacher's median speed while it drove on, None if it never did."""
        speeds = np.concatenate([stretch.speeds for stretch in self._stretches] or [np.zeros(0)])
        speeds = speeds[np.abs(speeds) > MIN_SPEED_MPS]
        return float(np.median(speeds)) if len(speeds) else None

    def _name(self, name: str) -> None:
        if name not in self.names:
            self.names.append(name)

    def _small(self, picture: np.ndarray) -> np.ndarray:
        return self._retina.resize(torch.from_numpy(picture)[None])[0].contiguous().numpy()

    def _take_samples(self, samples: Samples) -> None:
        self.left_out.update(samples.left_out)
        if not len(samples):
            return
        steering = np.clip(samples.teacher[:, 0] / self._limit, -1.0, 1.0)
        weight = np.where(samples.intervention, INTERVENTION_WEIGHT, 1.0).astype(np.float32)
        self._take(samples.pictures, samples.imu, samples.stamps, steering, weight, samples.teacher[:, 1])

    def _take_drive(self, drive: RecordedDrive) -> None:
        steering = smooth_labels(drive.steering, sequences=split_sequences(drive.stamps, MAX_GAP_S))
        steering = steering * np.float32(default_car().max_steering_rad / self._limit)
        pictures = np.stack([self._small(picture) for picture in drive.pictures])
        imu = drive.imu if drive.has_imu else np.full_like(drive.imu, np.nan)
        nothing = np.full(len(drive), np.nan, np.float32)
        self.left_out.update(drive.left_out)
        self._take(pictures, imu, drive.stamps, steering, np.ones(len(drive), np.float32), nothing)

    def _take(self, pictures: np.ndarray, imu: np.ndarray, stamps: np.ndarray, steering: np.ndarray,
              weight: np.ndarray, speeds: np.ndarray) -> None:
        known = np.isfinite(imu).all(1)
        if not self._needs_imu:
            known, imu = np.ones(len(imu), bool), np.nan_to_num(imu)
        labelled = np.isfinite(steering)
        useful = known & _leads_to(labelled)
        self.left_out['no IMU sample'] += int((~known).sum())
        self.left_out['the teacher said nothing here or soon after'] += int((known & ~useful).sum())
        weight, steering = weight * labelled, np.where(labelled, steering, 0.0)
        whole = Stretch(torch.from_numpy(pictures), imu.astype(np.float32), stamps, steering.astype(np.float32),
                        weight.astype(np.float32), speeds.astype(np.float32))
        steps = np.diff(stamps, prepend=stamps[0])
        breaks = (steps > MAX_GAP_S) | (steps < 0.0) | ~useful | ~np.concatenate(([True], useful[:-1]))
        edges = [0, *np.flatnonzero(breaks[1:]) + 1, len(stamps)]
        for start, stop in zip(edges, edges[1:]):
            if useful[start]:
                self._take_stretch(whole.part(start, stop))

    def _take_stretch(self, stretch: Stretch) -> None:
        """Keep a stretch, apart from the blocks of it that are held out."""
        start = 0
        for block in range(0, len(stretch), BLOCK):
            self._blocks += 1
            if self._blocks % HELD_OUT_EVERY == 0:
                self._keep(self._stretches, stretch.part(start, block))
                start = min(block + BLOCK, len(stretch))
                self._keep(self._held_out, stretch.part(block, start))
        self._keep(self._stretches, stretch.part(start, len(stretch)))

    def _keep(self, stretches: list[Stretch], stretch: Stretch) -> None:
        if len(stretch) < STEPS:
            self.left_out[f'fewer than {STEPS} pictures in a row'] += len(stretch)
        elif stretch.weight[WARM_UP_STEPS:].any():
            stretches.append(stretch)
            if stretches is self._stretches:
                self._new.append(stretch)

    def _forget(self) -> None:
        while len(self) > MAX_SAMPLES:
            self.left_out[f'older than the newest {MAX_SAMPLES}'] += len(self._stretches.pop(0))


class Draws:
    """Sequences drawn at random from stretches and varied (``learning.augment``), each labelled sample equally often.

    :raises InputError: if no stretch has a label.
    """

    def __init__(self, stretches: list[Stretch], period_s: float, seed: int) -> None:
        self._stretches, self._period = stretches, period_s
        self._rng = np.random.default_rng((seed, 0xD4A))
        self._light = Light(self._rng)
        places = [np.flatnonzero(stretch.weight[WARM_UP_STEPS:]) + WARM_UP_STEPS for stretch in stretches]
        self._place = np.concatenate(places or [np.zeros(0, int)])
        self._stretch = np.repeat(np.arange(len(places)), [len(place) for place in places])
        if not len(self._place):
            raise InputError(f'there is nothing to learn from: no {STEPS} pictures in a row of which a teacher said '
                             'something; let it drive or correct')

    def draw(self, batch: int) -> Sequences:
        """Return sequences (batch, STEPS, ...)."""
        chosen = self._rng.integers(len(self._place), size=batch)
        drawn = [self._sequence(self._stretches[self._stretch[i]], int(self._place[i])) for i in chosen]
        return Sequences(*(torch.stack(column) for column in zip(*drawn)))

    def _sequence(self, stretch: Stretch, place: int) -> tuple[torch.Tensor, ...]:
        """Return one that scores the label at a place."""
        rng = self._rng
        start = min(max(place - int(rng.integers(WARM_UP_STEPS, STEPS)), 0), len(stretch) - STEPS)
        frames = start + kept_frames(STEPS, min(ROOM, len(stretch) - start), rng)
        pictures = stretch.pictures[torch.from_numpy(late(frames, rng))]
        imu, steering = torch.from_numpy(stretch.imu[frames]), torch.from_numpy(stretch.steering[frames])
        if rng.random() < 0.5:
            pictures, imu, steering = mirrored(pictures, imu, steering)
        elapsed = elapsed_periods(stretch.stamps[frames], self._period)
        return self._light.vary(pictures), imu, elapsed, steering, torch.from_numpy(stretch.weight[frames])


def _leads_to(labelled: np.ndarray) -> np.ndarray:
    """Return which samples [N] are labelled or come at most a sequence before one that is."""
    reach = np.convolve(labelled, np.ones(STEPS))[STEPS - 1:]
    return reach > 0.5
