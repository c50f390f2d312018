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

"""Boxes beside a road, to throw shadows on it."""
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from liquid_control.simulation.track import Track

CLEARANCE_M = 0.25
"""At least so much ground between a box and the road's edge."""


@dataclass(frozen=True)
class Box:
    """An upright box on the ground: middle (m), turn (rad), edges (m) and display colour."""

    x: float
    y: float
    yaw: float
    length: float
    width: float
    height: float
    rgb: tuple[float, float, float]


def roadside_boxes(track: Track, count: int, seed: int = 0) -> list[Box]:
    """Draw boxes of 0.1 to 0.8 m beside the road; fewer than asked for where there is no room."""
    rng = np.random.default_rng((seed, 0xB0C5))
    tree = cKDTree(track.centre)
    widest = float(max(track.half_width_left.max(), track.half_width_right.max()))
    boxes: list[Box] = []
    for _ in range(20 * count):
        if len(boxes) == count:
            break
        s, side = rng.uniform(0.0, track.length), rng.choice((-1.0, 1.0))
        length, width, height = rng.uniform((0.1, 0.1, 0.15), (0.5, 0.5, 0.8))
        reach = widest + CLEARANCE_M + 0.5 * float(np.hypot(length, width))
        x, y, yaw = track.pose(s, side * (reach + rng.uniform(0.0, 0.5)))
        rgb = tuple(float(value) for value in rng.uniform(0.05, 0.95, 3))
        if tree.query((x, y))[0] >= reach:
            boxes.append(Box(float(x), float(y), yaw + rng.uniform(0.0, np.pi), length, width, height, rgb))
    return boxes
