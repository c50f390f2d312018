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
"""The line on a road that tyres hold at a speed: as near to the middle as its bends can be made wide enough."""
from functools import lru_cache

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, hstack, vstack

from liquid_control.simulation.track import Track

STEP_M = 0.3
EDGE_M = 0.12
"""Room that the line leaves to the road's edges where the road has it."""
ROUNDS, NEAR_ENOUGH = 15, 1.03
TIGHTER = 50.0
"""Price of one 1/m of curvature too much, in mean metres beside the middle."""


@lru_cache(maxsize=8)
def wide_line(track: Track, curvature: float) -> np.ndarray:
    """Return how far left of the centre line, metres, (count,) at equal steps of arc length from 0, to drive.

    Of all lines between the edges the one with the smallest mean distance from the centre line of those whose curvature
    nowhere exceeds ``curvature``, 1/m; where the road is too narrow for that, with the smallest excess. Curvature is
    linear in the offsets near a line, so each round is a linear programme about the line of the round before.
    """
    count = max(16, round(track.length / STEP_M))
    places = np.arange(count) * track.length / count
    x, y, yaw = np.array([track.pose(s) for s in places]).T
    centre, normal = np.stack((x, y), 1), np.stack((-np.sin(yaw), np.cos(yaw)), 1)
    samples = (places / track.spacing).astype(int)
    offsets = np.zeros(count)
    room = [np.maximum(half[samples] - EDGE_M, 0.0) for half in (track.half_width_left, track.half_width_right)]
    bounds = [(0.0, most) for most in np.concatenate(room)] + [(0.0, None)]
    cost = np.append(np.full(2 * count, 1.0 / count), TIGHTER)
    for _ in range(ROUNDS):
        bends, slope = _curvature(centre + offsets[:, None] * normal, normal)
        if np.abs(bends).max() <= NEAR_ENOUGH * curvature:
            break
        straight = bends - slope @ offsets
        excess = csr_matrix(np.full((count, 1), -1.0))
        found = linprog(cost, vstack([hstack([slope, -slope, excess]), hstack([-slope, slope, excess])]),
                        np.concatenate([curvature - straight, curvature + straight]), bounds=bounds, method='highs-ds')
        if found.x is None:
            break
        offsets = found.x[:count] - found.x[count:-1]
    return offsets


def offset_m(track: Track, curvature: float, s: float) -> float:
    """Return how far left of the centre line ``wide_line`` is at arc length s, metres."""
    offsets = wide_line(track, curvature)
    place = (s / track.length) % 1.0 * len(offsets)
    return float(np.interp(place, np.arange(len(offsets) + 1), np.append(offsets, offsets[0])))


def _curvature(points: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, csr_matrix]:
    """Return the curvature (count,) of a closed line (count, 2) and its derivative by steps along ``normal``."""
    index = np.arange(len(points))
    before, after = np.roll(index, 1), np.roll(index, -1)
    arriving, leaving = points - points[before], points[after] - points
    a, b = np.hypot(*arriving.T), np.hypot(*leaving.T)
    turn = np.arctan2(arriving[:, 0] * leaving[:, 1] - arriving[:, 1] * leaving[:, 0], (arriving * leaving).sum(1))
    along = points[after] - points[before]
    left = np.stack((-along[:, 1], along[:, 0]), 1) / np.hypot(*along.T)[:, None]
    weights = 2.0 / (a * (a + b)), -2.0 / (a * b), 2.0 / (b * (a + b))
    columns = before, index, after
    values = [weight * (left * normal[column]).sum(1) for weight, column in zip(weights, columns, strict=True)]
    return 2.0 * turn / (a + b), csr_matrix((np.concatenate(values), (np.tile(index, 3), np.concatenate(columns))))
