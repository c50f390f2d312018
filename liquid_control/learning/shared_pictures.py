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

"""Pictures that two processes see without sending them."""

import mmap
import os
from multiprocessing import reduction

import numpy as np


class SharedPictures:
    """A ring of stretches of pictures, uint8 (cars, T, 3, height, width) each, in memory without a name.

    An object of this class can be given to a process that is being started, and to nothing else. Memory of this kind
    needs no space in /dev/shm, of which containers have little.
    """

    def __init__(self, slots: int, shape: tuple[int, ...]) -> None:
        self._slots, self._shape = slots, shape
        self._file = os.fdopen(os.memfd_create('pictures'), 'r+b')
        self._file.truncate(slots * int(np.prod(shape)))
        self._map()

    def __getitem__(self, number: int) -> np.ndarray:
        """Return the place of a stretch; stretch ``number + slots`` has the same place."""
        return self._pictures[number % self._slots]

    def __getstate__(self) -> tuple:
        return self._slots, self._shape, reduction.DupFd(self._file.fileno())

    def __setstate__(self, state: tuple) -> None:
        self._slots, self._shape, file = state
        self._file = os.fdopen(file.detach(), 'r+b')
        self._map()

    def _map(self) -> None:
        memory = mmap.mmap(self._file.fileno(), self._slots * int(np.prod(self._shape)))
        self._pictures = np.frombuffer(memory, np.uint8).reshape(self._slots, *self._shape)
