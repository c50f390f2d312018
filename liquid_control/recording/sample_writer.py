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

"""Recording of samples as a rosbag2 bag, from which a killed process and a full disk take nothing that was whole.

Every sample is one block of an MCAP file (``mcap_file``), handed to the operating system before ``write`` returns. A
new file begins every 60 s, so that little is left to finish after a death. Topics: ``sample``; ``trainer/sample`` says
who drove and holds the commands in full, because a velocity command of a standing car does not tell its steering.
"""
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from rosbags.interfaces import Qos
from rosbags.rosbag2.metadata import dump_qos_v9
from rosbags.typesys.store import Typestore
from yaml import safe_dump

from liquid_control.driving.command import Command, yaw_rate_radps
from liquid_control.errors import InputError
from liquid_control.recording.bag import BagWriter
from liquid_control.recording.bag_folder import mcap_files, write_metadata
from liquid_control.recording.mcap_file import McapFile
from liquid_control.recording.sample import (
    CAMERA_TOPIC, DRIVEN_TOPIC, EVENT_TOPIC, IMU_TOPIC, POLICY_TOPIC, SAMPLE_TOPIC, TEACHER_TOPIC, RecordingError,
    Sample)
from liquid_control.simulation.car import default_car

CAMERA_FRAME, IMU_FRAME, BASE_FRAME = 'camera_optical_frame', 'imu_link', 'base_link'
JPEG_QUALITY = 95
FILE_S = 60.0
FILE_BYTES = 64 * 2**20
PNG_START = b'\x89PNG'


def next_bag(bags: Path) -> Path:
    """Return the path of the next bag of a folder: 0001, 0002 and so on."""
    taken = [int(path.name) for path in bags.glob('*') if path.name.isdigit()]
    return bags / f'{max(taken, default=0) + 1:04d}'


class SampleWriter:
    """A new bag of samples.

    :param folder: of the bag; it must not exist. It holds NAME_0.mcap, NAME_1.mcap ... and metadata.yaml.
    :raises RecordingError: from every method, once writing failed (a full disk, say) and ever after. What failed is cut
        off, all before is whole and readable; ``recover`` makes the bag one that ``ros2 bag`` reads.
    """

    def __init__(self, folder: Path, file_s: float = FILE_S, file_bytes: int = FILE_BYTES) -> None:
        self.folder = Path(folder)
        self._file_ns, self._file_bytes = round(1e9 * file_s), file_bytes
        self._file: _BagFile | None = None
        self._wheelbase = default_car().wheelbase_m
        self._reason = ''
        try:
            self.folder.mkdir(parents=True)
        except FileExistsError as error:
            raise RecordingError(f"bag '{folder}' exists already; give another path") from error
        except OSError as error:
            raise RecordingError(f"bag '{folder}' cannot be made ({error.strerror}); give a writable path") from error

    def write(self, sample: Sample) -> None:
        """Write a sample; when this returns, it outlives the process."""
        file = self._file
        if file and (abs(sample.stamp_ns - file.begin_ns) >= self._file_ns or file.size >= self._file_bytes):
            self.close()
        self._write(sample.stamp_ns, lambda bag: self._put(bag, sample))

    def event(self, stamp_ns: int, values: dict[str, object]) -> None:
        """Write what happened in the loop of learning, such as a change of state."""
        shown = {name: str(value) for name, value in values.items()}
        message = shown.get('event', '')
        self._write(stamp_ns, lambda bag: bag.write_values(EVENT_TOPIC, stamp_ns, 'event', message, shown))

    def close(self) -> None:
        """Finish the bag; after a failure, only close its file."""
        file, self._file = self._file, None
        if file is None:
            return
        if self._reason:
            file.close()
            return
        try:
            file.finish()
            write_metadata(self.folder, mcap_files(self.folder))
        except OSError as error:
            file.close()
            raise self._failed(error) from error

    def _write(self, stamp_ns: int, put: Callable[[BagWriter], None]) -> None:
        if self._reason:
            raise RecordingError(self._reason)
        try:
            if self._file is None:
                number = len(mcap_files(self.folder))
                self._file = _BagFile(self.folder / f'{self.folder.name}_{number}.mcap', stamp_ns)
            put(self._file.bag)
            self._file.commit()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> RecordingError:
        self._reason = (f"recording to '{self.folder}' stopped ({error.strerror or error}); what was written is kept: "
                        'free space on the disk and record again')
        return RecordingError(self._reason)

    def _put(self, bag: BagWriter, sample: Sample) -> None:
        stamp = sample.stamp_ns
        bag.write_compressed(CAMERA_TOPIC, stamp, CAMERA_FRAME, *_compressed(sample.picture))
        if sample.imu is not None:
            bag.write_imu(IMU_TOPIC, stamp, IMU_FRAME, sample.imu[:3], sample.imu[3:])
        for topic, command in _commands(sample):
            if command is not None:
                yaw_rate = yaw_rate_radps(command, self._wheelbase)
                bag.write_twist(topic, stamp, BASE_FRAME, float(command.speed_mps), float(yaw_rate))
        bag.write_values(SAMPLE_TOPIC, stamp, 'sample', sample.driver, sample_values(sample))


def sample_values(sample: Sample) -> dict[str, str]:
    """Return what ``trainer/sample`` says of a sample, numbers in full precision."""
    values = {'number': str(sample.number), 'round': str(sample.round), 'state': sample.state,
              'intervention': 'true' if sample.intervention else 'false'}
    for topic, command in _commands(sample):
        if command is not None:
            name = COMMAND_KEYS[topic]
            values[f'{name}_steering_rad'] = repr(float(command.steering_rad))
            values[f'{name}_speed_mps'] = repr(float(command.speed_mps))
    return values


COMMAND_KEYS = {TEACHER_TOPIC: 'teacher', POLICY_TOPIC: 'policy', DRIVEN_TOPIC: 'driven'}


def _commands(sample: Sample) -> tuple[tuple[str, Command | None], ...]:
    return (TEACHER_TOPIC, sample.teacher), (POLICY_TOPIC, sample.policy), (DRIVEN_TOPIC, sample.driven)


def _compressed(picture: bytes | np.ndarray) -> tuple[bytes, str]:
    """Return a picture as the bytes of a file, and its format."""
    if isinstance(picture, np.ndarray):
        whole, data = cv2.imencode('.jpg', picture[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
        if not whole:
            raise InputError(f'picture of shape {picture.shape} and type {picture.dtype} cannot be kept as JPEG; '
                             'give uint8 [H, W, 3]')
        return data.tobytes(), 'jpeg'
    return bytes(picture), 'png' if bytes(picture[:4]) == PNG_START else 'jpeg'


class _BagFile:
    """One file of the bag; ``bag`` puts messages into its block at hand. It is what BagWriter writes to."""

    def __init__(self, path: Path, begin_ns: int) -> None:
        self._file = McapFile(path)
        self._schemas: dict[str, int] = {}
        self.begin_ns, self.size = begin_ns, 0
        self.bag = BagWriter(self)
        self.finish, self.close = self._file.finish, self._file.close

    def commit(self) -> None:
        self.size = self._file.commit()

    def add_connection(self, topic: str, kind: str, *, typestore: Typestore, offered_qos_profiles: list[Qos]) -> int:
        """Describe a topic, and its message type if that is new; return its number."""
        if kind not in self._schemas:
            text, _ = typestore.generate_msgdef(kind, ros_version=2)
            self._schemas[kind] = self._file.add_schema(kind, 'ros2msg', text.encode())
        qos = safe_dump(dump_qos_v9(offered_qos_profiles), sort_keys=False)
        return self._file.add_channel(topic, self._schemas[kind], 'cdr', {
            'offered_qos_profiles': qos, 'topic_type_hash': typestore.hash_rihs01(kind)})

    def write(self, channel: int, stamp_ns: int, data: bytes | memoryview) -> None:
        """Put a message into the block at hand."""
        self._file.add_message(channel, stamp_ns, bytes(data))
