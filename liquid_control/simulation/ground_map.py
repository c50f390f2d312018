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

"""A track as a grid over the ground, for the fast renderer."""
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from liquid_control.simulation.markings import dashes_of
from liquid_control.simulation.track import Track

CELL_M = 0.1
MARGIN_M = 1.0
FAR_M = -10.0


@dataclass(frozen=True)
class GroundMap:
    """Smooth fields from which edges and lines are drawn sharply at any distance.

    :param fields: float32 (rows, columns, 4), at each grid point the lateral offset from the centre line (m, left
        positive), the distance to the nearer road edge (m, positive on the road), and cosine and sine of the dash
        phase, which is 0 in the middle of a dash.
    :param origin: (x, y) in metres of the grid point of row 0 (along y) and column 0 (along x).
    """

    fields: np.ndarray
    origin: np.ndarray


def ground_map(track: Track) -> GroundMap:
    """Return the ground map of a track, with cells of 0.1 m."""
    reach = max(track.half_width_left.max(), track.half_width_right.max()) + MARGIN_M
    low, high = track.centre.min(axis=0) - reach, track.centre.max(axis=0) + reach
    columns, rows = (np.ceil((high - low) / CELL_M)).astype(int) + 1
    x, y = np.meshgrid(low[0] + CELL_M * np.arange(columns), low[1] + CELL_M * np.arange(rows))
    points = np.stack((x.ravel(), y.ravel()), axis=1)
    _, nearest = cKDTree(track.centre).query(points)
    return GroundMap(_fields(track, points, nearest).reshape(rows, columns, 4), low)


def _fields(track: Track, points: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    offset = points - track.centre[nearest]
    cos, sin = np.cos(track.heading[nearest]), np.sin(track.heading[nearest])
    arc = nearest * track.spacing + offset[:, 0] * cos + offset[:, 1] * sin
    lateral = offset[:, 1] * cos - offset[:, 0] * sin
    inside = np.minimum(track.half_width_left[nearest] - lateral, track.half_width_right[nearest] + lateral)
    dashes = dashes_of(track)
    phase = 2.0 * np.pi * (arc - 0.5 * dashes.dash_m) / dashes.period_m
    return np.stack((lateral, inside, np.cos(phase), np.sin(phase)), axis=1).astype(np.float32)
