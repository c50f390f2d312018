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
"""A black box as a rosbag2 bag: written from what a drive node kept, read to show its decisions again.

Pictures, IMU, commands and neurons are messages as others record them. The topic that ends in ``black_box`` holds what
these do not, as names and values of a DiagnosticArray: one ``about`` and one ``tick`` for each control tick, floats in
the shortest text that gives the same number again and arrays as the hexadecimal digits of their float32 values.
"""
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liquid_control.driving.black_box import Entry, ImuSample, Step, Topics
from liquid_control.driving.command import Command, yaw_rate_radps
from liquid_control.errors import InputError
from liquid_control.recording.bag import COMPRESSED, DIAGNOSTICS, Bag, BagWriter, header_stamp_ns, new_bag, open_bag

TICKS, ABOUT, TICK = 'black_box', 'about', 'tick'
FRAMES = {'camera': 'camera_optical_frame', 'imu': 'imu_link', 'command': 'base_link'}
QUANTITIES = 'quantity', 'neuron'
POLICY = 'policy_'
REMEDY = 'give the folder of a bag that the black box of a drive node wrote'


@dataclass(frozen=True)
class StepRead:
    """One step of the policy as a box holds it; as ``driving.black_box.Step``.

    :param picture: ``sensor_msgs/CompressedImage``; None if the bag does not hold it.
    """

    stamp_ns: int
    picture: object | None
    crc32: int
    policy: str
    imu: np.ndarray
    elapsed_s: float
    fresh: bool
    command: Command
    neurons: np.ndarray
    time_constants: np.ndarray


@dataclass(frozen=True)
class TickRead:
    """One control tick as a box holds it; as ``driving.black_box.Entry``."""

    number: int
    time_ns: int
    steady_s: float
    command: Command
    state: str
    reason: str
    answers_ns: int
    step: StepRead | None


def write_black_box(path: Path, topics: Topics, about: dict[str, str], entries: list[Entry], imu: list[ImuSample],
                    policies: dict[str, bytes], wheelbase_m: float,
                    paced: Callable[[Iterable], Iterable] = iter) -> None:
    """Write a box, whole or not at all.

    :param about: what held for the whole of it.
    :param policies: policy files to put beside the messages, SHA-256 -> content.
    :param paced: yields the same items, each when there is time to write it.
    :raises InputError, OSError: if it cannot be written.
    """
    with new_bag(path) as bag:
        start = entries[0].time_ns if entries else 0
        bag.write_values(topics.ticks, start, ABOUT, about.get('reason', ''), about)
        for sample in paced(imu):
            bag.write_imu(topics.imu, sample.stamp_ns, FRAMES['imu'], np.array(sample.gyro), np.array(sample.accel))
        for entry in paced(entries):
            _write(bag, topics, entry, wheelbase_m)
        for sha256, content in policies.items():
            bag.add_file(policy_name(sha256), content)


def policy_name(sha256: str) -> str:
    """Return the name of the copy of a policy file in a box."""
    return f'{POLICY}{sha256[:16]}.safetensors'


class BlackBoxFile:
    """An open box.

    :ivar about: what held for the whole of it.
    """

    def __init__(self, bag: Bag) -> None:
        self._bag = bag
        topic = bag.find((TICKS,), (DIAGNOSTICS,), by_kind=False)
        if topic is None:
            raise InputError(f"bag '{bag.path}' holds no black box; {REMEDY}")
        self.about: dict[str, str] = {}
        self._ticks: list[dict[str, str]] = []
        for _, _, data in bag.raw_messages([topic]):
            for status in bag.decode(topic, data).status:
                values = {pair.key: pair.value for pair in status.values}
                if status.name == ABOUT:
                    self.about = values
                elif status.name == TICK:
                    self._ticks.append(values)
        self._camera = bag.find(('camera/image_raw/compressed',), (COMPRESSED,))

    def __len__(self) -> int:
        """Return the number of ticks."""
        return len(self._ticks)

    def ticks(self) -> list[TickRead]:
        """Return the ticks in their order, with their pictures still compressed.

        :raises InputError: if the box is damaged.
        """
        pictures = self._pictures()
        try:
            return [_read(values, pictures) for values in sorted(self._ticks, key=lambda values: int(values['tick']))]
        except (KeyError, ValueError, OverflowError) as error:
            said = ' '.join(str(error).split())[:120]
            raise InputError(f"black box '{self._bag.path}' is damaged ({said}); {REMEDY}") from error

    def _pictures(self) -> dict[int, deque]:
        """Return the pictures of each stamp, in their order: a broken camera may give many the same."""
        found: dict[int, deque] = {}
        if self._camera is not None:
            for _, _, data in self._bag.raw_messages([self._camera]):
                found.setdefault(header_stamp_ns(data), deque()).append(self._bag.decode(self._camera, data))
        return found


@contextmanager
def open_black_box(path: str | Path) -> Iterator[BlackBoxFile]:
    """Open a box for reading.

    :raises InputError: if the path is none.
    """
    with open_bag(path) as bag:
        yield BlackBoxFile(bag)


def _write(bag: BagWriter, topics: Topics, entry: Entry, wheelbase_m: float) -> None:
    step = entry.step
    bag.write_values(topics.ticks, entry.time_ns, TICK, entry.state, _values(entry))
    yaw_rate = yaw_rate_radps(entry.command, wheelbase_m)
    bag.write_twist(topics.command, entry.answers_ns or entry.time_ns, FRAMES['command'], entry.command.speed_mps,
                    yaw_rate)
    if step is None:
        return
    bag.write_compressed(topics.camera, step.stamp_ns, FRAMES['camera'], step.picture, step.format)
    rows = [step.answer.neurons, step.answer.time_constants] if len(step.answer.time_constants) else [
        step.answer.neurons]
    bag.write_floats(topics.neurons, step.stamp_ns, QUANTITIES, np.stack(rows))


def _values(entry: Entry) -> dict[str, str]:
    values = {
        'tick': str(entry.number), 'time_ns': str(entry.time_ns), 'steady_s': repr(entry.steady_s),
        'state': entry.state, 'reason': entry.reason, 'answers_ns': str(entry.answers_ns),
        'steering_rad': repr(float(entry.command.steering_rad)), 'speed_mps': repr(float(entry.command.speed_mps))}
    return values if entry.step is None else values | _step_values(entry.step)


def _step_values(step: Step) -> dict[str, str]:
    answer = step.answer
    return {
        'picture_ns': str(step.stamp_ns), 'picture_crc32': f'{step.crc32:08x}', 'policy_sha256': step.policy,
        'imu': _digits(answer.imu), 'elapsed_s': repr(float(answer.elapsed_s)), 'fresh': str(answer.fresh).lower(),
        'policy_steering_rad': repr(float(answer.command.steering_rad)),
        'policy_speed_mps': repr(float(answer.command.speed_mps)),
        'neurons': _digits(answer.neurons), 'time_constants': _digits(answer.time_constants)}


def _read(values: dict[str, str], pictures: dict[int, deque]) -> TickRead:
    step = _read_step(values, pictures) if 'picture_ns' in values else None
    return TickRead(
        int(values['tick']), int(values['time_ns']), float(values['steady_s']),
        Command(float(values['steering_rad']), float(values['speed_mps'])), values['state'], values['reason'],
        int(values['answers_ns']), step)


def _read_step(values: dict[str, str], pictures: dict[int, deque]) -> StepRead:
    stamp_ns = int(values['picture_ns'])
    waiting = pictures.get(stamp_ns)
    return StepRead(
        stamp_ns, waiting.popleft() if waiting else None, int(values['picture_crc32'], 16), values['policy_sha256'],
        _floats(values['imu']), float(values['elapsed_s']), values['fresh'] == 'true',
        Command(float(values['policy_steering_rad']), float(values['policy_speed_mps'])),
        _floats(values['neurons']), _floats(values['time_constants']))


def _digits(values: np.ndarray) -> str:
    return values.astype('<f4').tobytes().hex()


def _floats(digits: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(digits), '<f4').astype(np.float32)
