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

"""Centre-line files in the format of F1TENTH and the TUM racetrack database."""

import csv
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.simulation.appearance import Appearance
from liquid_control.simulation.track import Track, check_road_width, self_crossing, smooth_track

COLUMNS = 'x_m, y_m, w_tr_right_m, w_tr_left_m'
MIN_POINTS = 8
MAX_LINE = 1000
MAX_POINTS = 100_000
MAX_EXTENT_M = 10_000.0


def read_centre_line(path: str | Path) -> Track:
    """Read a closed centre line from a CSV file with the columns x_m, y_m, w_tr_right_m, w_tr_left_m.

    Lines that start with ``#`` are comments; the last point may repeat the first.

    :raises InputError: if the file cannot be read or does not describe a closed road.
    """
    path = Path(path)
    rows = _read_rows(path)
    if len(rows) > 1 and np.hypot(*(rows[0, :2] - rows[-1, :2])) < 1e-6:
        rows = rows[:-1]
    _check_shape(path, rows)
    return smooth_track(path.stem, rows[:, :2], rows[:, [3, 2]], Appearance())


def _read_rows(path: Path) -> np.ndarray:
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"track '{path}' cannot be read as text ({error}); give random:SEED or a CSV file with {COLUMNS}"
        ) from error
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        row = next(csv.reader([line[:MAX_LINE]]), [])
        if not row or row[0].lstrip().startswith('#'):
            continue
        rows.append(_parse(path, number, row))
        if len(rows) > MAX_POINTS:
            raise InputError(f"track '{path}' has more than {MAX_POINTS} points; thin it out")
    return np.array(rows).reshape(-1, 4)


def _parse(path: Path, number: int, row: list[str]) -> list[float]:
    try:
        values = [float(cell) for cell in row]
    except ValueError:
        values = []
    if len(values) != 4 or not np.isfinite(values).all():
        shown = ','.join(row)[:60]
        raise InputError(f"track '{path}' line {number}: '{shown}' is not four finite numbers; write {COLUMNS}")
    return values


def _check_shape(path: Path, rows: np.ndarray) -> None:
    if len(rows) < MIN_POINTS:
        raise InputError(
            f"track '{path}' has {len(rows)} points, at least {MIN_POINTS} are needed; "
            f'write {COLUMNS}, one point a line'
        )
    for width in (rows[:, 2] + rows[:, 3]).min(), (rows[:, 2] + rows[:, 3]).max():
        check_road_width(width)
    if rows[:, 2:].min() <= 0.0:
        raise InputError(f"track '{path}' has a half-width of {rows[:, 2:].min():g} m; half-widths must be above 0")
    steps = np.hypot(*(np.roll(rows[:, :2], -1, axis=0) - rows[:, :2]).T)
    if steps.min() < 1e-6:
        raise InputError(f"track '{path}' repeats point {int(steps.argmin()) + 1}; remove repeated points")
    if np.ptp(rows[:, :2], axis=0).max() > MAX_EXTENT_M:
        raise InputError(f"track '{path}' is more than {MAX_EXTENT_M:g} m across; give metres")
    if steps[-1] > 10.0 * np.median(steps) + 1.0:
        raise InputError(f"track '{path}' is open: {steps[-1]:.1f} m between its last and first point; close the loop")
    crossing = self_crossing(rows[:, :2])
    if crossing is not None:
        raise InputError(
            f"track '{path}' crosses itself at points {crossing[0] + 1} and {crossing[1] + 1}; "
            'give a loop without a crossing'
        )
