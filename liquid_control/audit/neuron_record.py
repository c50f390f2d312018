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

"""What a network did along a drive, tick by tick: the data behind every figure of an audit."""
import io
import json
import struct
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from liquid_control.errors import InputError
from liquid_control.whole_file import write_whole

ABOUT = 'about'
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, NotImplementedError,
              RuntimeError, BadZipFile, struct.error, zlib.error)


@dataclass(frozen=True)
class About:
    """What was driven. ``neurons`` names the columns of the state; ``cell`` is the policy's."""

    policy: str
    sha256: str
    drive: str
    cell: str
    neurons: list[str]
    period_s: float
    max_steering_rad: float


@dataclass(frozen=True)
class NeuronRecord:
    """T ticks, one for each picture that the policy answered. Written as a NumPy .npz file, one array a field.

    :param time_s: (T,) from the start of the drive, s.
    :param sequence: (T,) number of the stretch without a gap; the network's state is zero before each.
    :param elapsed: (T,) time since the last tick in nominal periods, as the network was given it.
    :param features: (T, I) what the network was given: visual features, then IMU.
    :param states: (T, S) its state after the tick.
    :param steering_rad: (T,) what it commanded, left positive; ``speed_mps``: (T,).
    :param time_constant_s: (T, U) of each neuron in s; (T, 0) where the cell has none.
    :param brightness: (T,) mean of the picture, 0..1.
    :param imu: (T, 6) rad/s and m/s^2.
    :param x_m, y_m: (T,) where the car was; NaN where the drive does not tell.
    :param lateral_m: (T,) distance to the left of the centre line; NaN where there is no track.
    :param human: (T,) what the human steered, -1..1 of the limit; NaN where nobody did.
    """

    about: About
    time_s: np.ndarray
    sequence: np.ndarray
    elapsed: np.ndarray
    features: np.ndarray
    states: np.ndarray
    steering_rad: np.ndarray
    speed_mps: np.ndarray
    time_constant_s: np.ndarray
    brightness: np.ndarray
    imu: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray
    lateral_m: np.ndarray
    human: np.ndarray

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def before(self) -> np.ndarray:
        """Return the state before each tick, (T, S)."""
        before = np.zeros_like(self.states)
        going_on = np.flatnonzero(np.diff(self.sequence) == 0) + 1
        before[going_on] = self.states[going_on - 1]
        return before

    def save(self, path: Path) -> None:
        """Write the record; a field each, and ``about`` as JSON text.

        :raises InputError: if the file cannot be written.
        """
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != ABOUT}
        content = io.BytesIO()
        np.savez_compressed(content, **{ABOUT: np.array(json.dumps(asdict(self.about)))}, **arrays)
        write_whole(Path(path), content.getvalue())


def load_record(path: str | Path) -> NeuronRecord:
    """Read a record.

    :raises InputError: if the file is not one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return NeuronRecord(About(**json.loads(str(arrays.pop(ABOUT)))), **arrays)
    except UNREADABLE as error:
        reason = ' '.join(str(error).split())[:120]
        raise InputError(f"'{path}' is no record of neurons ({reason}); give the neurons.npz of an audit") from error
