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

"""What all networks of one seed learn from: the same pictures, IMU samples and answers of the expert."""

import shutil
from pathlib import Path

import numpy as np
import torch

from liquid_control.learning.collector import Collector, Sequences
from liquid_control.learning.simulated import CARS, STRETCH, new_policy
from liquid_control.simulation.car import default_car
from liquid_control.whole_file import whole_folder

PARTS = ('pictures', 'imu', 'elapsed', 'steering')
HELD_OUT = 0.1


def collect(seed: int, stretches: int, folder: Path) -> None:
    """Drive 64 cars by the expert under steering noise, from starts beside and across the road, and keep what they saw.

    No network drives (no DAgger), so that the data belong to none of them. The folder appears when it is complete.
    """
    retina_of = new_policy('cnn', 'small', seed)
    collector = Collector(retina_of, default_car(), CARS, seed)
    driven = [collector.collect(STRETCH, 0.0) for _ in range(stretches)]
    shutil.rmtree(folder, ignore_errors=True)
    with whole_folder(folder) as temporary:
        temporary.mkdir()
        for name in PARTS:
            np.save(temporary / f'{name}.npy', np.concatenate([getattr(part, name).numpy() for part in driven]))


class Dataset:
    """Sequences of one seed; the last tenth of the drive is held out and not learned from."""

    def __init__(self, folder: Path) -> None:
        self._arrays = {name: np.load(folder / f'{name}.npy', mmap_mode='r', allow_pickle=False) for name in PARTS}
        sequences = len(self._arrays['steering'])
        self._learned = sequences - max(1, int(HELD_OUT * sequences))

    def draw(self, batch: int, generator: torch.Generator) -> Sequences:
        """Return ``batch`` sequences to learn from; the same generator draws the same for every network."""
        rows = torch.randint(self._learned, (batch,), generator=generator).numpy()
        return self._rows(np.sort(rows))

    def held_out(self) -> Sequences:
        """Return the sequences that are not learned from."""
        return self._rows(np.arange(self._learned, len(self._arrays['steering'])))

    def _rows(self, rows: np.ndarray) -> Sequences:
        return Sequences(*(torch.from_numpy(np.array(self._arrays[name][rows])) for name in PARTS))
