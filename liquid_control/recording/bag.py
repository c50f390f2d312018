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

"""rosbag2 bags in pure Python through the rosbags library: MCAP written, MCAP and SQLite read, no ROS needed."""
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.whole_file import whole_folder

try:
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
    from rosbags.rosbag2 import Reader, StoragePlugin, Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    from rosbags.typesys.store import Typestore
except ImportError as error:
    raise InputError(f"bags need the Python library rosbags ({error}); pip install 'liquid_control[bags]'") from error

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'
IMU = 'sensor_msgs/msg/Imu'
JOY = 'sensor_msgs/msg/Joy'
FLOATS = 'std_msgs/msg/Float32MultiArray'
TWIST_STAMPED = 'geometry_msgs/msg/TwistStamped'
TWIST = 'geometry_msgs/msg/Twist'
ACKERMANN = 'ackermann_msgs/msg/AckermannDriveStamped'
DIAGNOSTICS = 'diagnostic_msgs/msg/DiagnosticArray'

HEADER_BYTES = 12  # of CDR: encapsulation and stamp
METADATA_VERSION = 9  # rosbag2 of Jazzy and later


@lru_cache(maxsize=1)
def message_types() -> Typestore:
    """Return the message types of ROS 2 Jazzy and AckermannDriveStamped.

    Definitions inside a bag are not used: the rosbags library turns those into Python code.
    """
    types = get_typestore(Stores.ROS2_JAZZY)
    fields = ('steering_angle', 'steering_angle_velocity', 'speed', 'acceleration', 'jerk')
    drive = ACKERMANN.removesuffix('Stamped')
    types.register({
        **get_types_from_msg('\n'.join(f'float32 {name}' for name in fields), drive),
        **get_types_from_msg('std_msgs/Header header\nackermann_msgs/AckermannDrive drive', ACKERMANN)})
    return types


class BagWriter:
    """A new bag being written. Every ``write_*`` takes the stamp in nanoseconds, used as header and log time."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._connections: dict[str, object] = {}
        types = message_types().types
        self._time, self._header = types['builtin_interfaces/msg/Time'], types['std_msgs/msg/Header']
        self._vector, self._quaternion = types['geometry_msgs/msg/Vector3'], types['geometry_msgs/msg/Quaternion']
        self._types = types

    def write_compressed(self, topic: str, stamp_ns: int, frame: str, data: bytes, encoding: str) -> None:
        """Write a compressed picture as it is; encoding is 'jpeg' or 'png'."""
        message = self._types[COMPRESSED](self._stamp(stamp_ns, frame), encoding, np.frombuffer(data, np.uint8))
        self._write(topic, COMPRESSED, stamp_ns, message, _SENSOR_QOS)

    def write_image(self, topic: str, stamp_ns: int, frame: str, picture: np.ndarray) -> None:
        """Write a picture, uint8 [H, W, 3] RGB, as rgb8."""
        height, width, _ = picture.shape
        data = np.ascontiguousarray(picture).reshape(-1)
        message = self._types[IMAGE](self._stamp(stamp_ns, frame), height, width, 'rgb8', 0, 3 * width, data)
        self._write(topic, IMAGE, stamp_ns, message, _SENSOR_QOS)

    def write_imu(self, topic: str, stamp_ns: int, frame: str, gyro: np.ndarray, accel: np.ndarray) -> None:
        """Write a sample: gyro [3] rad/s, accel [3] m/s^2; no orientation, covariances unknown (REP-145)."""
        unknown = np.zeros(9)
        message = self._types[IMU](
            self._stamp(stamp_ns, frame), self._quaternion(0.0, 0.0, 0.0, 1.0), np.array([-1.0] + 8 * [0.0]),
            self._vector(*map(float, gyro)), unknown, self._vector(*map(float, accel)), unknown)
        self._write(topic, IMU, stamp_ns, message, _SENSOR_QOS)

    def write_joy(self, topic: str, stamp_ns: int, frame: str, axes: tuple[float, ...]) -> None:
        """Write the positions of a human's controls, each -1..1, left and forward positive."""
        message = self._types[JOY](self._stamp(stamp_ns, frame), np.array(axes, np.float32), np.zeros(0, np.int32))
        self._write(topic, JOY, stamp_ns, message, _COMMAND_QOS)

    def write_twist(self, topic: str, stamp_ns: int, frame: str, speed_mps: float, yaw_rate_radps: float) -> None:
        """Write a planar velocity command."""
        twist = self._types[TWIST](self._vector(speed_mps, 0.0, 0.0), self._vector(0.0, 0.0, yaw_rate_radps))
        message = self._types[TWIST_STAMPED](self._stamp(stamp_ns, frame), twist)
        self._write(topic, TWIST_STAMPED, stamp_ns, message, _COMMAND_QOS)

    def write_values(self, topic: str, stamp_ns: int, name: str, message: str, values: dict[str, str]) -> None:
        """Write names and values as diagnostics of one status."""
        types = self._types
        pairs = [types['diagnostic_msgs/msg/KeyValue'](key, value) for key, value in values.items()]
        status = types['diagnostic_msgs/msg/DiagnosticStatus'](0, name, message, '', pairs)
        array = types[DIAGNOSTICS](self._stamp(stamp_ns, ''), [status])
        self._write(topic, DIAGNOSTICS, stamp_ns, array, _RECORD_QOS)

    def write_floats(self, topic: str, stamp_ns: int, labels: tuple[str, ...], values: np.ndarray) -> None:
        """Write an array as Float32MultiArray, a label for each dimension; it has no header, so only a log time."""
        dimension = self._types['std_msgs/msg/MultiArrayDimension']
        dimensions = [dimension(label, size, int(np.prod(values.shape[axis:])))
                      for axis, (label, size) in enumerate(zip(labels, values.shape, strict=True))]
        layout = self._types['std_msgs/msg/MultiArrayLayout'](dimensions, 0)
        self._write(topic, FLOATS, stamp_ns, self._types[FLOATS](layout, values.astype(np.float32).reshape(-1)),
                    _COMMAND_QOS)

    def add_file(self, name: str, content: bytes) -> None:
        """Put a file beside the messages, into the folder of the bag."""
        (self._writer.path / name).write_bytes(content)

    def _stamp(self, stamp_ns: int, frame: str) -> object:
        return self._header(self._time(*divmod(stamp_ns, 10**9)), frame)

    def _write(self, topic: str, kind: str, stamp_ns: int, message: object, qos: Qos) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=message_types(), offered_qos_profiles=[qos])
        self._writer.write(self._connections[topic], stamp_ns, message_types().serialize_cdr(message, kind))


@contextmanager
def new_bag(path: str | Path) -> Iterator[BagWriter]:
    """Write a bag whole or not at all: it appears at its path only when the block ends without an error.

    :raises InputError: if the path exists or cannot be written.
    """
    path = Path(path).absolute()
    if path.exists() or path.is_symlink():
        raise InputError(f"bag '{path}' exists already; remove it or give another path")
    with ExitStack() as around:
        try:
            folder = around.enter_context(whole_folder(path))
        except OSError as error:
            reason = f"bag '{path}' cannot be written ({error.strerror})"
            raise InputError(f'{reason}; give a path in a folder you may write to') from error
        with Writer(folder, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP) as writer:
            yield BagWriter(writer)


@dataclass(frozen=True)
class Topic:
    """A topic of a bag: name, message type such as sensor_msgs/msg/Imu, number of messages."""

    name: str
    kind: str
    count: int


class Bag:
    """An open bag."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self.path = path
        self._reader = reader
        self.topics = [Topic(name, info.msgtype or 'of several types', info.msgcount)
                       for name, info in reader.topics.items()]

    def find(self, names: tuple[str, ...], kinds: tuple[str, ...], by_kind: bool = True) -> Topic | None:
        """Return the topic of one of the kinds whose name is, or ends in, one of the names (first name first).

        Without such a name, and unless ``by_kind`` is False, the only topic with messages of these kinds; None if
        there is none or several.
        """
        fitting = [topic for topic in self.topics if topic.kind in kinds and topic.count]
        for name in names:
            for topic in sorted(fitting, key=lambda topic: len(topic.name)):
                if topic.name.strip('/') == name or topic.name.endswith('/' + name):
                    return topic
        return fitting[0] if by_kind and len(fitting) == 1 else None

    def raw_messages(self, topics: list[Topic]) -> Iterator[tuple[Topic, int, bytes]]:
        """Yield topic, log time in ns and CDR bytes, in the order of the log time.

        :raises InputError: if the bag is damaged; messages before the damage have been yielded.
        """
        wanted = {topic.name: topic for topic in topics}
        connections = [connection for connection in self._reader.connections if connection.topic in wanted]
        if not connections:
            return
        with _readable(self.path):
            for connection, log_time, data in self._reader.messages(connections=connections):
                if not isinstance(data, (bytes, memoryview)):  # SQLite gives what somebody put there
                    raise ValueError('a message holds no bytes')
                yield wanted[connection.topic], log_time, data

    def decode(self, topic: Topic, data: bytes) -> object:
        """Return the message that CDR bytes of a topic hold.

        :raises InputError: if they are damaged.
        """
        with _readable(self.path):
            return message_types().deserialize_cdr(data, topic.kind)

    def require(self, what: str, names: tuple[str, ...], kinds: tuple[str, ...]) -> Topic:
        """Return what ``find`` returns.

        :raises InputError: that lists the topics, if there is none.
        """
        topic = self.find(names, kinds)
        if topic is None:
            have = ', '.join(f'{topic.name} ({topic.kind}, {topic.count})' for topic in self.topics[:20]) or 'no topics'
            need = f"{' or '.join(names)} of type {' or '.join(kinds)}"
            raise InputError(f"bag '{self.path}' has no {what} topic; it needs {need} and holds {have}")
        return topic


@contextmanager
def open_bag(path: str | Path) -> Iterator[Bag]:
    """Open a rosbag2 bag (folder or single .mcap file) for reading.

    :raises InputError: if the path is no readable bag.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"bag '{path}' does not exist; give the folder of a rosbag2 bag")
    if path.is_file() and path.suffix not in ('.mcap', '.db3'):
        raise InputError(f"bag '{path}' is not a rosbag2 bag; give the folder with metadata.yaml, or a .mcap file")
    if path.is_dir() and not (path / 'metadata.yaml').is_file():
        raise InputError(f"bag '{path}' is a folder without metadata.yaml; give the folder of a rosbag2 bag")
    with _readable(path):
        reader = Reader(path)
        reader.open()
    try:
        yield Bag(path, reader)
    finally:
        reader.close()


def header_stamp_ns(data: bytes) -> int:
    """Return the stamp in ns that a message in CDR begins with (every type here begins with a header)."""
    seconds, nanoseconds = struct.unpack_from(_stamp_format(data), data, 4)
    return seconds * 10**9 + nanoseconds


def with_header_stamp(data: bytes, stamp_ns: int) -> bytes:
    """Return the message in CDR with another stamp in its header."""
    changed = bytearray(data)
    struct.pack_into(_stamp_format(data), changed, 4, *divmod(stamp_ns, 10**9))
    return bytes(changed)


def _stamp_format(data: bytes) -> str:
    return ('<' if data[1] & 1 else '>') + 'iI'


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn whatever the rosbags library raises on a damaged bag into an InputError."""
    try:
        yield
    except (InputError, KeyboardInterrupt, GeneratorExit):
        raise
    except Exception as error:
        # The library passes struct, zstd, YAML, key and assertion errors of damaged files through as they come.
        said = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(f"bag '{path}' cannot be read ({said[:160]}); record or import it again") from error


def _qos(reliability: QosReliability, depth: int) -> Qos:
    never = QosTime(9223372036, 854775807)  # RMW_DURATION_INFINITE
    durability, liveliness = QosDurability.VOLATILE, QosLiveliness.AUTOMATIC
    return Qos(QosHistory.KEEP_LAST, depth, reliability, durability, never, never, liveliness, never, False)


_SENSOR_QOS = _qos(QosReliability.BEST_EFFORT, 5)
_COMMAND_QOS = _qos(QosReliability.RELIABLE, 1)
_RECORD_QOS = _qos(QosReliability.RELIABLE, 10)
