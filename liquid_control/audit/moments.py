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

"""The last minute of a drive: what was seen, thought and commanded at each tick."""
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

KEPT_S = 60.0
KEPT_BYTES = 128 * 1024 * 1024
JPEG_QUALITY = 92


@dataclass(frozen=True)
class Moment:
    """One picture that the policy answered.

    :param number: counts the moments of this process; ``stamp_s``: of the picture.
    :param jpeg: the picture; ``brightness``: its mean, 0..1.
    :param features: (I,) what the network was given, (0,) where no policy is at hand; ``before``: (S,) its state
        before the tick; ``elapsed``: nominal periods.
    :param state: (S,) after the tick; ``time_constant_s``: (S,), or (0,) where the cell has none.
    :param steering_rad: what the policy said, NaN where unknown; ``driven_rad``, ``driven_mps``: what was commanded.
    :param speed_mps: measured, NaN where nobody measures.
    :param mismatch: how far the state that was recomputed is from the one that the drive node reported.
    """

    number: int
    stamp_s: float
    jpeg: bytes
    brightness: float
    imu: np.ndarray
    features: np.ndarray
    before: np.ndarray
    elapsed: float
    state: np.ndarray
    time_constant_s: np.ndarray
    steering_rad: float
    driven_rad: float
    driven_mps: float
    speed_mps: float
    condition: str
    reason: str
    mismatch: float

    def picture(self) -> np.ndarray:
        """Return the picture, uint8 (H, W, 3) RGB, as JPEG left it."""
        return cv2.cvtColor(cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


class History:
    """The newest minute, written by one thread and read by others.

    When the pictures are large, less than a minute: what fits into 128 MB.
    """

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque()
        self._imu: deque[tuple[float, np.ndarray]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def add(self, moment: Moment) -> None:
        """Take the next moment and tell the listeners; time that went back begins a new minute."""
        with self._lock:
            if self._moments and moment.stamp_s < self._moments[-1].stamp_s:
                self._moments.clear()
                self._imu.clear()
                self._bytes = 0
            self._moments.append(moment)
            self._bytes += len(moment.jpeg)
            while self._moments[0].stamp_s < moment.stamp_s - KEPT_S or self._bytes > KEPT_BYTES:
                self._bytes -= len(self._moments.popleft().jpeg)
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def add_imu(self, stamp_s: float, sample: np.ndarray) -> None:
        """Take an IMU sample (6,)."""
        with self._lock:
            self._imu.append((stamp_s, sample))
            while self._imu[0][0] < stamp_s - KEPT_S - 1.0:
                self._imu.popleft()

    def clear(self) -> None:
        """Forget everything: another policy drives."""
        with self._lock:
            self._moments.clear()
            self._bytes = 0

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function, from the writing thread, after each new moment; call what is returned to end that."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def moments(self) -> list[Moment]:
        """Return all moments, oldest first."""
        with self._lock:
            return list(self._moments)

    def latest(self) -> Moment | None:
        """Return the newest moment."""
        with self._lock:
            return self._moments[-1] if self._moments else None

    def imu_between(self, first_s: float, last_s: float) -> list[tuple[float, np.ndarray]]:
        """Return stamp and sample of the IMU from ``first_s`` to ``last_s``."""
        with self._lock:
            return [sample for sample in self._imu if first_s <= sample[0] <= last_s]


def to_jpeg(picture: np.ndarray, quality: int = JPEG_QUALITY) -> bytes:
    """Return a picture, uint8 (H, W, 3) RGB or (H, W), as JPEG."""
    pixels = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode('.jpg', pixels, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()
