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

"""Messages of several topics that belong to one picture."""
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from liquid_control.driving.command import Command
from liquid_control.learning.loop.commands import Commands

IMU_AGE_NS = 100_000_000
DRIVEN_REACH_NS = 50_000_000
NEWER_PICTURES = 3
WAIT_S = 0.3
STAMP_REACH_NS = 1_000_000_000


class PictureClock:
    """The clock that the pictures are stamped with, known from the newest picture.

    :ivar newest_ns: stamp of the newest picture, None before the first.
    """

    def __init__(self) -> None:
        self.newest_ns: int | None = None
        self._received_s = 0.0

    def see(self, stamp_ns: int, received_s: float) -> None:
        """Take a picture's stamp and when it was received on the steady clock."""
        self.newest_ns, self._received_s = stamp_ns, received_s

    def age_s(self, now_s: float) -> float:
        """Return how long ago the newest picture came."""
        return now_s - self._received_s if self.newest_ns is not None else float('inf')

    def now_ns(self, now_s: float) -> int | None:
        """Return the time, None before the first picture."""
        return None if self.newest_ns is None else self.newest_ns + round(1e9 * (now_s - self._received_s))

    def believed_ns(self, stamp_ns: int, now_s: float) -> int | None:
        """Return a message's stamp, or the time of receipt if the stamp is not of this clock."""
        now_ns = self.now_ns(now_s)
        if now_ns is None:
            return None
        return stamp_ns if abs(stamp_ns - now_ns) <= STAMP_REACH_NS else now_ns


@dataclass(frozen=True)
class Frame:
    """A picture, as its message, with the IMU (6,), the policy's answer and the driven command that belong to it."""

    stamp_ns: int
    picture: Any
    imu: np.ndarray | None
    policy: Command | None
    driven: Command | None


class Pairing:
    """Holds pictures until what belongs to them must have come: three newer pictures, or 0.3 s.

    The IMU sample is the newest up to the picture, the policy's answer that of the same stamp, the driven command the
    one of the nearest stamp, at most 50 ms away.

    :ivar missing: what did not come, with the number of pictures.
    """

    def __init__(self) -> None:
        self.missing: Counter[str] = Counter()
        self._waiting: deque[tuple[int, Any, float]] = deque()
        self._imu: deque[tuple[int, np.ndarray]] = deque(maxlen=200)
        self._answers, self._driven = Commands(), Commands()

    def see(self, stamp_ns: int, picture: Any, now_s: float) -> bool:
        """Take a picture; return False when time went back, and everything before is forgotten."""
        going_on = not self._waiting or stamp_ns > self._waiting[-1][0]
        if not going_on:
            self.missing['its stamp is not later than that of the picture before'] += len(self._waiting)
            self.forget()
        self._waiting.append((stamp_ns, picture, now_s))
        return going_on

    def feel(self, stamp_ns: int, imu: np.ndarray) -> None:
        """Take an IMU sample (6,)."""
        if self._imu and stamp_ns < self._imu[-1][0]:
            self._imu.clear()
        self._imu.append((stamp_ns, imu))

    def answered(self, stamp_ns: int, command: Command) -> None:
        """Take the policy's answer to the picture of that stamp."""
        self._answers.put(stamp_ns, command)

    def driven(self, stamp_ns: int, command: Command) -> None:
        """Take a command that was sent to the car."""
        self._driven.put(stamp_ns, command)

    def forget(self) -> None:
        """Drop what is held."""
        self._waiting.clear()
        self._imu.clear()
        self._answers.clear()
        self._driven.clear()

    def ready(self, now_s: float) -> list[Frame]:
        """Return the pictures that need not wait any longer, oldest first."""
        frames = []
        while self._waiting and (len(self._waiting) > NEWER_PICTURES or now_s - self._waiting[0][2] > WAIT_S):
            stamp_ns, picture, _ = self._waiting.popleft()
            frames.append(self._frame(stamp_ns, picture))
        return frames

    def _frame(self, stamp_ns: int, picture: Any) -> Frame:
        return Frame(stamp_ns, picture, self._imu_at(stamp_ns), self._answers.exact(stamp_ns),
                     self._driven.nearest(stamp_ns, DRIVEN_REACH_NS))

    def _imu_at(self, stamp_ns: int) -> np.ndarray | None:
        for at, imu in reversed(self._imu):
            if at <= stamp_ns:
                return imu if stamp_ns - at <= IMU_AGE_NS else None
        return None
