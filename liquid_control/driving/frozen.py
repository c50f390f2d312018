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

"""Cameras that repeat one picture with fresh stamps."""
from collections import deque

import numpy as np

IDENTICAL_PICTURES = 30
BUFFERS = 4
"""A driver that hangs may hand out its few buffers in turn."""
STRIDE = 16


class FrozenCamera:
    """Counts pictures in a row that were among the last four before them, while the car should be moving.

    A standing car in a simulation without noise sees the same picture over and over, so pictures count only while the
    car is told to move. Once frozen, it stays so until a picture differs.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Return to the state before the first picture."""
        self._seen: deque[np.ndarray] = deque(maxlen=BUFFERS)
        self._repeats = 0

    def see(self, picture: np.ndarray, moving: bool) -> None:
        """Take note of a picture, uint8 (H, W, 3)."""
        if not any(_equal(picture, seen) for seen in self._seen):
            self._repeats = 0
        elif moving:
            self._repeats += 1
        self._seen.append(picture)

    @property
    def problem(self) -> str:
        """Why the pictures cannot be trusted, or an empty text."""
        if self._repeats < IDENTICAL_PICTURES:
            return ''
        return (f'camera is frozen: {self._repeats} identical pictures while the car was told to move; '
                'a new picture or ~/engage clears it')


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Compare a sample first: it tells nearly all pictures apart and costs little."""
    return one.shape == other.shape and np.array_equal(one[::STRIDE, ::STRIDE], other[::STRIDE, ::STRIDE]) \
        and np.array_equal(one, other)
