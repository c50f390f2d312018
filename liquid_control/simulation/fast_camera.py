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

"""The fast renderer: pictures of many cars at once by looking up the ground plane.

Draws what the vision head sees (after crop and resize), without the full camera picture in between.
Lines and edges are coverage functions of the distance fields of a GroundMap, one pixel wide at their border, so
they stay sharp near the car and blend far away.
"""

import cv2
import numpy as np

from liquid_control.simulation.appearance import Appearance
from liquid_control.simulation.car import Camera
from liquid_control.simulation.ground_map import CELL_M, FAR_M, GroundMap

MAX_RANGE_M = 30.0
CARS_AT_ONCE = 16
"""Pictures that are shaded together: more no longer fit the caches of a core and take twice the time."""


class FastCamera:
    """Renders pictures (3, height, width) of the cropped camera view.

    :param crop: fractions cut off at top, bottom, left, right, as in policy/retina.py.
    """

    def __init__(self, camera: Camera, height: int, width: int, crop: tuple[float, float, float, float]) -> None:
        self._camera = camera
        self.height, self.width = height, width
        self._right, self._down = _pixel_rays(camera, height, width, crop)

    def ground_points(self, pitch: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Intersect the pixel rays of B cameras with the ground.

        :param pitch: (B,) rad, nose down; ``height``: (B,) m.
        :return: forward and left distance in metres from base_link, each float32 (B, height, width);
            rays above the horizon end far away.
        """
        cos, sin = np.cos(pitch)[:, None, None], np.sin(pitch)[:, None, None]
        forward = cos - self._down * sin
        drop = np.maximum(sin + self._down * cos, 1e-3)
        reach = np.minimum(height[:, None, None] / drop, MAX_RANGE_M / np.maximum(forward, 0.1))
        return (self._camera.x_m + forward * reach).astype(np.float32), (-self._right * reach).astype(np.float32)

    def render(
        self, maps: list[GroundMap], looks: list[Appearance], poses: np.ndarray, forward: np.ndarray, left: np.ndarray
    ) -> np.ndarray:
        """Return uint8 pictures (B, 3, height, width) of B cars.

        :param maps: ground map of each car's track; ``looks``: its appearance.
        :param poses: (B, 3), x m, y m, yaw rad of base_link.
        :param forward, left: as ``ground_points`` returns them.
        """
        pictures = np.empty((len(maps), 3, self.height, self.width), np.uint8)
        for first in range(0, len(maps), CARS_AT_ONCE):
            cars = range(first, min(first + CARS_AT_ONCE, len(maps)))
            fields = np.empty((len(cars), self.height, self.width, 4), np.float32)
            for car, field in zip(cars, fields):
                _look_up(maps[car], poses[car], forward[car], left[car], field)
            _shade(fields, looks[first : cars.stop], pictures[first : cars.stop])
        return pictures


def _pixel_rays(
    camera: Camera, height: int, width: int, crop: tuple[float, float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return slopes to the right and down of the pixel middles of the cropped, resized view."""
    top, bottom, left, right = crop
    rows = camera.height_px * (top + (1.0 - top - bottom) * (np.arange(height) + 0.5) / height)
    columns = camera.width_px * (left + (1.0 - left - right) * (np.arange(width) + 0.5) / width)
    x = (columns - 0.5 * camera.width_px) / camera.focal_px
    y = (rows - 0.5 * camera.height_px) / camera.focal_px
    return np.broadcast_to(x[None, :], (height, width)).astype(np.float32), np.broadcast_to(
        y[:, None], (height, width)
    ).astype(np.float32)


def _look_up(ground: GroundMap, pose: np.ndarray, forward: np.ndarray, left: np.ndarray, out: np.ndarray) -> None:
    cos, sin = np.float32(np.cos(pose[2]) / CELL_M), np.float32(np.sin(pose[2]) / CELL_M)
    column = forward * cos - left * sin + np.float32((pose[0] - ground.origin[0]) / CELL_M)
    row = forward * sin + left * cos + np.float32((pose[1] - ground.origin[1]) / CELL_M)
    cv2.remap(
        ground.fields,
        column,
        row,
        cv2.INTER_LINEAR,
        dst=out,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(FAR_M, FAR_M, 1.0, 0.0),
    )


def _shade(fields: np.ndarray, looks: list[Appearance], out: np.ndarray) -> None:
    lateral, inside, phase_cos, phase_sin = (np.ascontiguousarray(fields[..., kind]) for kind in range(4))
    blur = _pixel_size(inside)
    road = _coverage(inside, blur)
    edge = road - _coverage(inside - _column([look.edge_line_m for look in looks]), blur)
    centre = _coverage(_column([0.5 * look.centre_line_m for look in looks]) - np.abs(lateral), _pixel_size(lateral))
    centre *= _dash_coverage(phase_cos, phase_sin, looks)
    _paint(road, edge, centre, looks, out)


def _dash_coverage(phase_cos: np.ndarray, phase_sin: np.ndarray, looks: list[Appearance]) -> np.ndarray:
    """Return how much of each pixel a dash covers along the road; 1 for solid and 0 for no centre line."""
    half = _column([_half_dash_angle(look) for look in looks])
    phase = np.abs(np.arctan2(phase_sin, phase_cos))
    return _coverage(half - phase, np.minimum(_pixel_size(phase), 2.0))


def _half_dash_angle(look: Appearance) -> float:
    if look.centre_line == 'dashed':
        return np.pi * look.dash_m / (look.dash_m + look.gap_m)
    return 10.0 if look.centre_line == 'solid' else -10.0


def _paint(road: np.ndarray, edge: np.ndarray, centre: np.ndarray, looks: list[Appearance], out: np.ndarray) -> None:
    colours = np.array([(look.ground_rgb, look.road_rgb, look.edge_rgb, look.centre_rgb) for look in looks], np.float32)
    colours = colours * (255.0 * np.array([look.light for look in looks], np.float32)[:, None, None])
    for channel in range(3):
        ground, tarmac, line, middle = (colours[:, kind, channel, None, None] for kind in range(4))
        value = ground + road * (tarmac - ground) + edge * (line - tarmac)
        value += centre * (middle - value)
        out[:, channel] = np.clip(value + 0.5, 0.0, 255.0)


def _coverage(distance: np.ndarray, blur: np.ndarray) -> np.ndarray:
    return np.clip(distance / blur + 0.5, 0.0, 1.0)


def _pixel_size(field: np.ndarray) -> np.ndarray:
    """Return how much a field changes over a pixel: the width over which a border blends."""
    size = np.full_like(field, 1e-6)
    size[:, :-1] += np.abs(field[:, 1:] - field[:, :-1])
    size[:, :, :-1] += np.abs(field[:, :, 1:] - field[:, :, :-1])
    return size


def _column(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)[:, None, None]
