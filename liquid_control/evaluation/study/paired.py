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

"""Intervals of paired differences: every network drove the same tracks after learning from the same data."""

import numpy as np

RESAMPLES = 10_000


def bootstrap_mean(values: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Return the mean of values (seeds, tracks) and its 95 % interval; NaN marks a drive that does not count.

    Resampled in two stages as the values were drawn: seeds, and within each of them its tracks (Davison and Hinkley
    1997, Bootstrap Methods and their Application, section 3.8).
    """
    if np.isnan(values).all():
        return float('nan'), float('nan'), float('nan')
    rng = np.random.default_rng(seed)
    seeds, tracks = values.shape
    rows = rng.integers(seeds, size=(RESAMPLES, seeds, 1))
    columns = rng.integers(tracks, size=(RESAMPLES, seeds, tracks))
    drawn = values[rows, columns].reshape(RESAMPLES, -1)
    counted = ~np.isnan(drawn)
    some = counted.any(axis=1)
    means = np.where(counted, drawn, 0.0).sum(axis=1)[some] / counted.sum(axis=1)[some]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(np.nanmean(values)), float(low), float(high)


class Grid:
    """Drives of all networks as arrays (seeds, tracks), the same place in each being the same seed and track.

    :param rows: with seed, cell, track, condition and how the drive went.
    """

    def __init__(self, rows: list[dict]) -> None:
        self._places: dict[tuple[str, str], list[list[dict]]] = {}
        for row in rows:
            seeds = self._places.setdefault((row['condition'], row['cell']), [])
            while len(seeds) <= row['seed']:
                seeds.append([])
            seeds[row['seed']].append(row)
        self.conditions = list(dict.fromkeys(row['condition'] for row in rows))

    def values(self, condition: str, cell: str, field: str) -> np.ndarray:
        """Return a field of the drives, (seeds, tracks)."""
        seeds = self._places[condition, cell]
        ordered = [sorted(drives, key=lambda row: row['track']) for drives in seeds]
        return np.array([[row[field] for row in drives] for drives in ordered], float)

    def completed(self, condition: str, cell: str) -> np.ndarray:
        """Return 1 for each completed lap and 0 for the others, (seeds, tracks)."""
        return self.values(condition, cell, 'completed')

    def error_where_all_completed(self, condition: str, cells: list[str]) -> dict[str, np.ndarray]:
        """Return the mean distance from the middle (m) of each cell; NaN where some network did not complete."""
        by_all = np.all([self.completed(condition, cell) == 1.0 for cell in cells], axis=0)
        return {
            cell: np.where(by_all, self.values(condition, cell, 'mean_abs_lateral_m'), np.nan) for cell in cells
        }
