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

"""Random closed roads with bends to both sides."""
import numpy as np
from scipy.spatial import cKDTree

from liquid_control.simulation.appearance import random_appearance
from liquid_control.simulation.track import Track, smooth_track

MIN_RADIUS_M = 1.2
CLEARANCE_M = 0.6
POINTS = 96


def random_track(seed: int, narrowest_m: float = 0.6, min_radius_m: float = MIN_RADIUS_M) -> Track:
    """Return the road of a seed: 25-50 m long, up to 2.4 m wide, no bend of the centre line tighter than given.

    The same arguments give the same shape, width, colours, markings and light everywhere.
    """
    rng = np.random.default_rng((seed, 0x7ac))
    width = float(np.exp(rng.uniform(np.log(narrowest_m), np.log(2.4))))
    appearance = random_appearance(rng)
    half_widths = np.full((POINTS, 2), 0.5 * width)
    wildness = 1.0
    while True:
        track = smooth_track(f'random:{seed}', _loop(rng, width, wildness), half_widths, appearance)
        if np.abs(track.curvature).max() <= 1.0 / min_radius_m and _keeps_clear(track, width + CLEARANCE_M):
            return track
        wildness *= 0.98


def _loop(rng: np.random.Generator, width: float, wildness: float) -> np.ndarray:
    """Draw a star-shaped loop, run in either direction: radius as a Fourier series of the polar angle."""
    angle = np.linspace(0.0, 2.0 * np.pi, POINTS, endpoint=False)
    orders = np.arange(2, 7)
    amplitude = wildness * rng.uniform(0.0, 0.34, len(orders)) / np.sqrt(orders - 1)
    phase = rng.uniform(0.0, 2.0 * np.pi, len(orders))
    radius = 1.0 + (amplitude[:, None] * np.cos(orders[:, None] * angle + phase[:, None])).sum(axis=0)
    radius *= rng.uniform(3.8, 5.5) + 0.5 * width
    points = radius[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return points if rng.random() < 0.5 else points[::-1]


def _keeps_clear(track: Track, distance: float) -> bool:
    """Tell whether parts of the road that are far apart along it are also apart in the plane."""
    step = 4
    points = track.centre[::step]
    pairs = cKDTree(points).query_pairs(distance, output_type='ndarray')
    apart = np.abs(pairs[:, 0] - pairs[:, 1]) * track.spacing * step
    return not (np.minimum(apart, track.length - apart) > 0.5 * np.pi * distance + 0.5).any()
