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

"""A track as triangles: road, edge lines and centre line, cut into pieces along the road.

The road is the set of points within the half width of the centre line. Where a bend's inner radius is
under the half width, the offset curve would fold over: it is cut at the centre of curvature, and an edge
line is left out where it would lie inside the road (next to another part of the centre line).
"""
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from liquid_control.simulation.appearance import Appearance
from liquid_control.simulation.markings import dashes_of
from liquid_control.simulation.track import Track

LAYERS = ('road', 'edge', 'centre')
"""From the bottom to the top: a layer covers the ones before it."""
LONGEST_STEP_M = 0.5
SHORTEST_STEP_M = 0.02
SAGITTA_M = 0.001
INSIDE_M = 0.01


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles in the world's x-y plane, counter-clockwise seen from above."""

    vertices: np.ndarray  # (V, 2) m
    faces: np.ndarray     # (F, 3) indices of vertices


@dataclass(frozen=True, eq=False)
class Piece:
    """One layer of one stretch of road."""

    layer: str
    chunk: int
    mesh: Mesh


def display_rgb(rgb: tuple[float, float, float], appearance: Appearance) -> tuple[float, float, float]:
    """Return the colour as a camera sees it: times the light, clipped to 0..1."""
    return tuple(float(min(max(value * appearance.light, 0.0), 1.0)) for value in rgb)


def layer_rgb(layer: str, appearance: Appearance) -> tuple[float, float, float]:
    """Return the display colour of a layer."""
    colours = {'road': appearance.road_rgb, 'edge': appearance.edge_rgb, 'centre': appearance.centre_rgb}
    return display_rgb(colours[layer], appearance)


def painted_stretches(track: Track) -> list[tuple[float, float]]:
    """Return the painted stretches (first, last arc length in metres) of the centre line."""
    kind = track.appearance.centre_line
    if kind == 'none':
        return []
    if kind == 'solid':
        return [(0.0, track.length)]
    layout = dashes_of(track)
    return [(k * layout.period_m, k * layout.period_m + layout.dash_m) for k in range(layout.count)]


def road_pieces(track: Track, chunk_m: float = 20.0) -> list[Piece]:
    """Return the layers of every stretch of about ``chunk_m`` metres; empty layers are left out."""
    edges = _Edges(track)
    count = max(1, round(track.length / chunk_m))
    bounds = np.linspace(0.0, track.length, count + 1)
    painted = painted_stretches(track)
    pieces = []
    for chunk, (start, end) in enumerate(pairwise(bounds)):
        s = edges.stations(start, end)
        for layer, strips in (
                ('road', edges.road(s)), ('edge', edges.lines(s)), ('centre', edges.centre(painted, start, end))):
            mesh = _join(strips)
            if len(mesh.faces):
                pieces.append(Piece(layer, chunk, mesh))
    return pieces


class _Edges:
    """Cross-sections of a road by arc length."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._density = _station_density(track)
        self._tree = cKDTree(track.centre)
        self._s = np.arange(len(track.centre) + 1) * track.spacing
        turn = track.heading[0] + np.round((track.heading[-1] - track.heading[0]) / (2 * np.pi)) * 2 * np.pi
        self._table = np.column_stack((
            np.vstack((track.centre, track.centre[:1])), np.append(track.heading, turn),
            _closed(track.curvature), _closed(track.half_width_left), _closed(track.half_width_right)))

    def stations(self, start: float, end: float) -> np.ndarray:
        """Return arc lengths from start to end, dense where the road bends."""
        first, last = np.interp((start, end), self._s, self._density)
        count = max(1, int(np.ceil(last - first)))
        inner = np.interp(np.linspace(first, last, count + 1)[1:-1], self._density, self._s)
        return np.concatenate(([start], inner, [end]))

    def road(self, s: np.ndarray) -> Iterator[Mesh]:
        """Yield the strip between the two edges at arc lengths ``s``."""
        yield _strip(self._points(s, self._edge(s, 1.0)), self._points(s, self._edge(s, -1.0)))

    def lines(self, s: np.ndarray) -> Iterator[Mesh]:
        """Yield the two edge lines where they lie at the edge of the whole road."""
        for side in 1.0, -1.0:
            outer = self._edge(s, side)
            inner = outer - side * self._track.appearance.edge_line_m
            rim = self._points(s, outer)
            kept = ~self._inside(rim)
            left, right = (rim, self._points(s, inner)) if side > 0 else (self._points(s, inner), rim)
            yield _strip(left, right, kept[:-1] & kept[1:])

    def centre(self, painted: list[tuple[float, float]], start: float, end: float) -> Iterator[Mesh]:
        """Yield the parts of the painted stretches that lie between two arc lengths."""
        half = 0.5 * self._track.appearance.centre_line_m
        for first, last in painted:
            first, last = max(first, start), min(last, end)
            if last - first > 1e-6:
                s = self.stations(first, last)
                yield _strip(self._points(s, np.full(len(s), half)), self._points(s, np.full(len(s), -half)))

    def _column(self, index: int, s: np.ndarray) -> np.ndarray:
        return np.interp(s, self._s, self._table[:, index])

    def _points(self, s: np.ndarray, lateral: np.ndarray) -> np.ndarray:
        heading = self._column(2, s)
        return np.column_stack((
            self._column(0, s) - lateral * np.sin(heading), self._column(1, s) + lateral * np.cos(heading)))

    def _edge(self, s: np.ndarray, side: float) -> np.ndarray:
        """Return the lateral offset of the edge, cut at the centre of curvature."""
        width = self._column(4 if side > 0 else 5, s)
        inward = np.maximum(side * self._column(3, s), 1e-9)
        return side * np.minimum(width, 1.0 / inward)

    def _inside(self, points: np.ndarray) -> np.ndarray:
        """Tell for points (K, 2) whether they lie inside the road by more than a centimetre."""
        track = self._track
        distance, nearest = self._tree.query(points)
        across = ((points - track.centre[nearest]) * track.normal[nearest]).sum(axis=1)
        width = np.where(across > 0.0, track.half_width_left[nearest], track.half_width_right[nearest])
        return distance < width - INSIDE_M


def _closed(values: np.ndarray) -> np.ndarray:
    return np.append(values, values[0])


def _station_density(track: Track) -> np.ndarray:
    """Return how many steps there are up to each sample, enough for an outer edge that is off by a millimetre."""
    radius = 1.0 / np.maximum(np.abs(track.curvature), 1e-9)
    width = np.maximum(track.half_width_left, track.half_width_right)
    step = np.sqrt(8.0 * SAGITTA_M / (1.0 + width / radius) * radius)
    step = _spread(np.clip(step, SHORTEST_STEP_M, LONGEST_STEP_M), LONGEST_STEP_M, track)
    folded = np.where(width + track.appearance.edge_line_m > 0.9 * radius, SHORTEST_STEP_M, LONGEST_STEP_M)
    step = np.minimum(step, _spread(folded, width.max(), track))
    return np.concatenate(([0.0], np.cumsum(track.spacing / step)))


def _spread(step: np.ndarray, reach_m: float, track: Track) -> np.ndarray:
    """Return the shortest step within some arc length of each sample."""
    reach = int(np.ceil(reach_m / track.spacing))
    return np.min([np.roll(step, shift) for shift in range(-reach, reach + 1)], axis=0)


def _strip(left: np.ndarray, right: np.ndarray, kept: np.ndarray | None = None) -> Mesh:
    """Return two triangles for each kept quadrilateral between two lines of (K, 2) points."""
    count = len(left)
    i = np.arange(count - 1) if kept is None else np.flatnonzero(kept)
    faces = np.concatenate((
        np.column_stack((i, count + i, count + i + 1)), np.column_stack((i, count + i + 1, i + 1))))
    vertices = np.concatenate((left, right))
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return Mesh(vertices, faces[area > 1e-9])


def _join(meshes: Iterator[Mesh]) -> Mesh:
    """Return one mesh of several, without the vertices that no face uses."""
    vertices, faces, offset = [np.empty((0, 2))], [np.empty((0, 3), int)], 0
    for mesh in meshes:
        vertices.append(mesh.vertices)
        faces.append(mesh.faces + offset)
        offset += len(mesh.vertices)
    used, index = np.unique(np.concatenate(faces), return_inverse=True)
    return Mesh(np.concatenate(vertices)[used], index.reshape(-1, 3))
