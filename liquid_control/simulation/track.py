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

"""A closed road: its centre line, widths and look."""
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline

from liquid_control.errors import InputError
from liquid_control.simulation.appearance import Appearance

SPACING_M = 0.05
ROAD_WIDTH_LIMITS_M = (0.4, 6.0)


@dataclass(frozen=True, eq=False)
class Track:
    """A closed road sampled at equal steps of arc length, driven towards growing arc length.

    The frame is the world's: x, y in metres, z up. Lateral offsets are positive to the left.
    All arrays have one row per sample and must not be written to.
    """

    name: str
    centre: np.ndarray            # (N, 2) m
    heading: np.ndarray           # (N,) rad, unwrapped
    curvature: np.ndarray         # (N,) 1/m, positive to the left
    half_width_left: np.ndarray   # (N,) m
    half_width_right: np.ndarray  # (N,) m
    length: float                 # m
    appearance: Appearance

    @property
    def spacing(self) -> float:
        """Arc length between two samples in metres."""
        return self.length / len(self.centre)

    @property
    def normal(self) -> np.ndarray:
        """Unit vectors to the left of the centre line, (N, 2)."""
        return np.stack((-np.sin(self.heading), np.cos(self.heading)), axis=1)

    def with_options(self, centre_line: str | None = None, road_width: float | None = None) -> 'Track':
        """Return the track with another centre line ('dashed', 'solid', 'none') or one width in metres."""
        track = replace(self, appearance=self.appearance.with_centre_line(centre_line))
        if road_width is None:
            return track
        check_road_width(road_width)
        half = np.full(len(self.centre), 0.5 * road_width)
        return replace(track, half_width_left=half, half_width_right=half)

    def pose(self, s: float, lateral: float = 0.0) -> tuple[float, float, float]:
        """Return (x m, y m, yaw rad) at arc length ``s``, ``lateral`` metres to the left of the centre line."""
        position = (s / self.spacing) % len(self.centre)
        i = int(position) % len(self.centre)
        j = (i + 1) % len(self.centre)
        fraction = position - int(position)
        point = self.centre[i] + fraction * (self.centre[j] - self.centre[i])
        yaw = self.heading[i] + fraction * wrap_angle(self.heading[j] - self.heading[i])
        return point[0] - lateral * np.sin(yaw), point[1] + lateral * np.cos(yaw), float(wrap_angle(yaw))

    def project(self, x: float, y: float, near: float | None = None) -> tuple[float, float]:
        """Return (arc length, lateral offset) in metres of the point of the centre line nearest to (x, y).

        With ``near`` only the five metres of road before and after that arc length are searched, so that
        a car stays on its own part of a road that runs close to itself.
        """
        indices = self._window(near)
        offset = np.array((x, y)) - self.centre[indices]
        i = indices[np.argmin((offset ** 2).sum(axis=1))]
        dx, dy = x - self.centre[i, 0], y - self.centre[i, 1]
        along = dx * np.cos(self.heading[i]) + dy * np.sin(self.heading[i])
        lateral = -dx * np.sin(self.heading[i]) + dy * np.cos(self.heading[i])
        return float((i * self.spacing + along) % self.length), float(lateral)

    def on_road(self, s: float, lateral: float) -> bool:
        """Tell whether a point given by arc length and lateral offset lies between the road's edges."""
        i = int(s / self.spacing) % len(self.centre)
        return bool(-self.half_width_right[i] <= lateral <= self.half_width_left[i])

    def _window(self, near: float | None) -> np.ndarray:
        if near is None:
            return np.arange(len(self.centre))
        reach = min(int(5.0 / self.spacing), len(self.centre) // 2)
        return (int(near / self.spacing) + np.arange(-reach, reach + 1)) % len(self.centre)


def wrap_angle(angle):
    """Return the angle in radians, brought to -pi..pi."""
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def check_road_width(width: float) -> None:
    """Raise InputError unless the road's width in metres is one that a car can use."""
    low, high = ROAD_WIDTH_LIMITS_M
    if not low <= width <= high:
        raise InputError(f'road width {width:g} m is outside {low:g} to {high:g} m; give a width within these limits')


def smooth_track(name: str, points: np.ndarray, half_widths: np.ndarray, appearance: Appearance) -> Track:
    """Lay a periodic cubic spline through centre-line points and sample it evenly.

    :param points: (K, 2) m, in driving order, the last not repeating the first.
    :param half_widths: (K, 2) m, left and right.
    """
    closed = np.vstack((points, points[:1]))
    chord = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))))
    spline = CubicSpline(chord, closed, bc_type='periodic')
    fine = np.linspace(0.0, chord[-1], 4 * int(np.ceil(chord[-1] / SPACING_M)) + 1)
    arc = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(spline(fine), axis=0).T))))
    count = int(np.ceil(arc[-1] / SPACING_M))
    u = np.interp(np.arange(count) * arc[-1] / count, arc, fine)
    first, second = spline(u, 1), spline(u, 2)
    curvature = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / (first ** 2).sum(axis=1) ** 1.5
    widths = np.vstack((half_widths, half_widths[:1]))
    return Track(
        name=name, centre=spline(u), heading=np.unwrap(np.arctan2(first[:, 1], first[:, 0])), curvature=curvature,
        half_width_left=np.interp(u, chord, widths[:, 0]), half_width_right=np.interp(u, chord, widths[:, 1]),
        length=float(arc[-1]), appearance=appearance)


def self_crossing(points: np.ndarray) -> tuple[int, int] | None:
    """Return the indices of two segments of a closed polyline (K, 2) that cross, or None."""
    a, b = points, np.roll(points, -1, axis=0)
    count = len(points)
    for i in range(count - 2):
        others = np.arange(i + 2, count - 1 if i == 0 else count)
        if len(others) == 0:
            continue
        p, q = a[others], b[others]
        opposite = (_side(a[i], b[i], p) * _side(a[i], b[i], q) < 0) & (_side(p, q, a[i]) * _side(p, q, b[i]) < 0)
        if opposite.any():
            return i, int(others[np.argmax(opposite)])
    return None


def _side(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> np.ndarray:
    edge, to = end - start, point - start
    return edge[..., 0] * to[..., 1] - edge[..., 1] * to[..., 0]
