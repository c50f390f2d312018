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

"""Reading of samples, also from a bag that is still being written or that a killed process left."""
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.recording.bag import COMPRESSED, DIAGNOSTICS, IMU, message_types
from liquid_control.recording.bag_folder import bags_in, mcap_files
from liquid_control.recording.mcap_file import Channel, Message, read_blocks
from liquid_control.recording.sample import CAMERA_TOPIC, IMU_TOPIC, SAMPLE_TOPIC, Sample
from liquid_control.sensing.compressed import check_compressed
from liquid_control.sensing.imu import imu_vector

DAMAGED = 'the block is damaged'
UNREADABLE = 'the sample cannot be read'


@dataclass(frozen=True)
class Samples:
    """N samples of a bag as arrays.

    :param pictures: [N, ...] what ``keep`` of ``load_samples`` made of each picture, by default uint8 [N, H, W, 3] RGB.
    :param imu: float32 [N, 6], NaN where there was none.
    :param stamps: float64 [N], seconds, in the order of recording.
    :param teacher, policy, driven: float32 [N, 2], steering in rad and speed in m/s; NaN where nothing was said.
    :param driver, state: str [N].
    :param intervention: bool [N].
    :param numbers, rounds: int64 [N].
    :param left_out: how many samples were left out, by reason.
    """

    pictures: np.ndarray
    imu: np.ndarray
    stamps: np.ndarray
    teacher: np.ndarray
    policy: np.ndarray
    driven: np.ndarray
    driver: np.ndarray
    state: np.ndarray
    intervention: np.ndarray
    numbers: np.ndarray
    rounds: np.ndarray
    left_out: Counter[str]

    def __len__(self) -> int:
        return len(self.stamps)


class Counts(NamedTuple):
    """How many samples a folder of bags holds, how many of them are interventions, and the highest number."""

    samples: int
    interventions: int
    last_number: int


class SampleReader:
    """Reads a bag of samples, finished or not; every ``read`` goes on where the last one ended."""

    def __init__(self, bag: Path) -> None:
        self.bag = Path(bag)
        self.left_out: Counter[str] = Counter()
        self._place: dict[str, int] = {}
        self._done: set[str] = set()
        self._channels: dict[str, dict[int, str]] = {}

    def read(self) -> list[Sample]:
        """Return the samples that were completed since the last call, in the order of recording."""
        samples: list[Sample] = []
        files = mcap_files(self.bag)
        for path in files:
            if path.name not in self._done:
                self._read_file(path, samples)
        self._done.update(path.name for path in files[:-1])
        return samples

    def _read_file(self, path: Path, samples: list[Sample]) -> None:
        topics = self._channels.setdefault(path.name, {})
        for block in read_blocks(path, self._place.get(path.name, 0)):
            self._place[path.name] = block.end
            if block.records is None:
                self.left_out[DAMAGED] += 1
                continue
            messages: dict[str, bytes] = {}
            for record in block.records:
                if isinstance(record, Channel):
                    topics[record.id] = record.topic
                elif isinstance(record, Message):
                    topic = topics.get(record.channel_id, '')
                    messages[topic] = record.data
                    if topic == SAMPLE_TOPIC:
                        self._take(record.log_time, messages, samples)
                        messages = {}

    def _take(self, stamp_ns: int, messages: dict[str, bytes], samples: list[Sample]) -> None:
        try:
            samples.append(_sample(stamp_ns, messages))
        except (InputError, KeyError, ValueError, IndexError):
            self.left_out[UNREADABLE] += 1


def read_new(bag: Path, after: int) -> list[Sample]:
    """Return the samples of a bag, finished or not, whose number is above ``after``."""
    return [sample for sample in SampleReader(bag).read() if sample.number > after]


def load_samples(bag: Path, keep: Callable[[np.ndarray], np.ndarray] = np.asarray) -> Samples:
    """Read the samples of a bag, finished or not.

    :param keep: what to keep of each picture, uint8 [H, W, 3] RGB: something smaller, for instance.
    :raises InputError: if it holds no sample.
    """
    reader = SampleReader(bag)
    samples = as_arrays(reader.read(), keep)
    samples.left_out.update(reader.left_out)
    if not len(samples):
        reasons = ', '.join(f'{count} {reason}' for reason, count in samples.left_out.items()) or 'it is empty'
        raise InputError(f"bag '{bag}' holds no sample to use ({reasons}); give a bag that the trainer recorded")
    return samples


def as_arrays(samples: list[Sample], keep: Callable[[np.ndarray], np.ndarray] = np.asarray) -> Samples:
    """Return samples as arrays; a sample whose picture is unusable is left out and counted."""
    pictures, rest, left_out = [], [], Counter()
    for sample in samples:
        picture, reason = _picture(sample.picture, keep)
        if picture is not None and pictures and picture.shape != pictures[0].shape:
            picture, reason = None, 'the picture is of another size than the first'
        if picture is None:
            left_out[reason] += 1
            continue
        pictures.append(picture)
        rest.append(sample)
    nothing = np.full(6, np.nan, np.float32)
    return Samples(
        np.stack(pictures) if pictures else np.zeros((0, 0, 0, 3), np.uint8),
        np.array([nothing if s.imu is None else s.imu for s in rest], np.float32).reshape(-1, 6),
        1e-9 * np.array([s.stamp_ns for s in rest], np.int64),
        *(_commands([getattr(s, name) for s in rest]) for name in ('teacher', 'policy', 'driven')),
        np.array([s.driver for s in rest], str), np.array([s.state for s in rest], str),
        np.array([s.intervention for s in rest], bool), np.array([s.number for s in rest], np.int64),
        np.array([s.round for s in rest], np.int64), left_out)


def count_samples(bags: Path) -> Counts:
    """Count the samples of all bags in a folder, finished or not."""
    samples = interventions = last = 0
    for bag in bags_in(Path(bags)):
        for sample in SampleReader(bag).read():
            samples += 1
            interventions += sample.intervention
            last = max(last, sample.number)
    return Counts(samples, interventions, last)


def _sample(stamp_ns: int, messages: dict[str, bytes]) -> Sample:
    decode = message_types().deserialize_cdr
    status = decode(messages[SAMPLE_TOPIC], DIAGNOSTICS).status[0]
    values = {pair.key: pair.value for pair in status.values}
    imu = messages.get(IMU_TOPIC)
    return Sample(
        stamp_ns, decode(messages[CAMERA_TOPIC], COMPRESSED).data.tobytes(),
        None if imu is None else imu_vector(decode(imu, IMU)),
        *(_command(values, name) for name in ('teacher', 'policy', 'driven')),
        status.message, values['intervention'] == 'true', int(values['number']), int(values['round']),
        values['state'])


def _command(values: dict[str, str], name: str) -> Command | None:
    steering = values.get(f'{name}_steering_rad')
    return None if steering is None else Command(float(steering), float(values[f'{name}_speed_mps']))


def _commands(commands: list[Command | None]) -> np.ndarray:
    nothing = (np.nan, np.nan)
    return np.array([nothing if command is None else command for command in commands], np.float32).reshape(-1, 2)


def _picture(data: bytes, keep: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray | None, str]:
    try:
        check_compressed(data, 'sample')
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (InputError, cv2.error):
        picture = None
    if picture is None:
        return None, 'the picture cannot be decoded'
    return keep(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), ''
