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
"""The last minute of a drive in memory: what the policy saw, what it answered, and what the car was told."""
import struct
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from liquid_control.driving.command import Command
from liquid_control.driving.pilot import Answer

KEPT_S = 60.0
IMU_SAMPLES = 60_000
AFTER_S = 2.0
BETWEEN_S = 30.0
_IMU = struct.Struct('<q6d')
NO_PIXELS = np.zeros((0, 0, 3), np.uint8)
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)


@dataclass(frozen=True)
class Topics:
    """Names of the topics of a box, as in the running system."""

    camera: str
    imu: str
    command: str
    neurons: str
    ticks: str


class ImuSample(NamedTuple):
    """An IMU message as it came: time in ns, then rad/s and m/s^2, REP-103 axes."""

    stamp_ns: int
    gyro: tuple[float, float, float]
    accel: tuple[float, float, float]


@dataclass(slots=True)
class Step:
    """One step of the policy.

    :param answer: once packed, without its pixels and its message.
    :param stamp_ns: of the picture, as its entry has it.
    :param picture: uint8 (H, W, 3) RGB; after ``BlackBox.pack`` the bytes of a picture file that decodes to it.
    :param format: of these bytes.
    :param crc32: of the pixels; known once packed.
    :param policy: SHA-256 of the policy file.
    """

    answer: Answer
    stamp_ns: int
    picture: np.ndarray | bytes
    format: str
    crc32: int
    policy: str

    @property
    def size(self) -> int:
        """Bytes that the picture takes."""
        return self.picture.nbytes if isinstance(self.picture, np.ndarray) else len(self.picture)


@dataclass(slots=True)
class Entry:
    """One control tick.

    :param number: of the tick, counted up.
    :param time_ns: of the node's clock.
    :param steady_s: of the steady clock.
    :param command: what was sent to the car, by whom (``state``) and why.
    :param answers_ns: stamp of the picture that the command answers; 0 if it answers none.
    :param step: what the policy did in this tick, None if it did not run.
    """

    number: int
    time_ns: int
    steady_s: float
    command: Command
    state: str
    reason: str
    answers_ns: int
    step: Step | None


class BlackBox:
    """Keeps the newest minute of entries and IMU samples, within a number of bytes of pictures.

    Ticks only append. ``pack``, which another thread calls, turns pictures into PNG files without loss.

    :param limit_bytes: of all pictures; the oldest entries go when they take more.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._unpacked: deque[Step] = deque()
        self._imu: deque[bytes] = deque(maxlen=IMU_SAMPLES)
        self._imu_s: deque[float] = deque(maxlen=IMU_SAMPLES)
        self.picture_bytes = 0

    def hear_imu(self, steady_s: float, stamp_ns: int, message: Any) -> None:
        """Keep a ``sensor_msgs/Imu`` as it came, whatever is in it."""
        gyro, accel = message.angular_velocity, message.linear_acceleration
        packed = _IMU.pack(stamp_ns, gyro.x, gyro.y, gyro.z, accel.x, accel.y, accel.z)
        with self._lock:
            self._imu.append(packed)
            self._imu_s.append(steady_s)
            while self._imu_s[0] < steady_s - KEPT_S:
                self._imu.popleft()
                self._imu_s.popleft()

    def add(self, entry: Entry) -> None:
        """Keep an entry; what is older than a minute, or too much, goes."""
        with self._lock:
            self._entries.append(entry)
            if entry.step is not None:
                self.picture_bytes += entry.step.size
                self._unpacked.append(entry.step)
            while self._entries[0].steady_s < entry.steady_s - KEPT_S or self.picture_bytes > self._limit:
                self._drop(self._entries.popleft())
                if not self._entries:
                    break

    def pack(self) -> None:
        """Turn the pictures that came since the last call into picture files."""
        while (step := self._next_unpacked()) is not None:
            packed, crc32 = _packed(step.picture, step.answer.picture.message)
            with self._lock:
                if step.format != GONE:
                    self.picture_bytes += len(packed[0]) - step.size
                    (step.picture, step.format), step.crc32 = packed, crc32
                    step.answer = replace(step.answer, pixels=NO_PIXELS, picture=None)  # which hold the raw picture

    def contents(self) -> tuple[list[Entry], list[ImuSample]]:
        """Return the entries and the IMU samples, oldest first; pictures of the newest may not be packed."""
        with self._lock:
            entries, imu = list(self._entries), list(self._imu)
        return entries, list(_samples(imu))

    @property
    def seconds(self) -> float:
        """How much time the entries span."""
        with self._lock:
            return self._entries[-1].steady_s - self._entries[0].steady_s if self._entries else 0.0

    def _drop(self, entry: Entry) -> None:
        if entry.step is not None:
            self.picture_bytes -= entry.step.size
            entry.step.format = GONE
            if self._unpacked and self._unpacked[0] is entry.step:
                self._unpacked.popleft()

    def _next_unpacked(self) -> Step | None:
        with self._lock:
            return self._unpacked.popleft() if self._unpacked else None


GONE = 'gone'


class Occasions:
    """Tells when the box is to be saved: two seconds after a stop, at most every half minute, and no stop is left out.

    Stops that come while the last box is younger than half a minute are in the next one, which is then due: it reaches
    back a minute.
    """

    def __init__(self) -> None:
        self._due_s: float | None = None
        self._saved_s = float('-inf')
        self._reason = ''

    def stopped(self, reason: str, now: float) -> None:
        """Take note of a stop."""
        if self._due_s is None:
            self._due_s, self._reason = max(now + AFTER_S, self._saved_s + BETWEEN_S), reason

    def take(self, now: float, ending: bool = False) -> str:
        """Return why the box is to be saved now, an empty text if it is not; what is pending is due at the end."""
        if self._due_s is None or now < self._due_s and not ending:
            return ''
        self._due_s, self._saved_s = None, now
        return self._reason


def _packed(picture: np.ndarray, message: Any) -> tuple[tuple[bytes, str], int]:
    """Return a picture file of these pixels, its format and the CRC-32 of the pixels."""
    crc32 = zlib.crc32(picture)
    if hasattr(message, 'format'):
        return (bytes(message.data), message.format), crc32
    whole, data = cv2.imencode('.png', cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _PNG)
    if not whole:
        raise ValueError(f'a picture of shape {picture.shape} cannot be kept as PNG')
    return (data.tobytes(), 'png'), crc32


def _samples(packed: list[bytes]) -> Iterator[ImuSample]:
    for stamp_ns, *values in map(_IMU.unpack, packed):
        yield ImuSample(stamp_ns, tuple(values[:3]), tuple(values[3:]))
