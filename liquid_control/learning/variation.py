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

"""What differs from drive to drive in learning: roads, cars, cameras, light and faults.

A policy that has seen many cars and cameras drives the one at hand (domain randomisation, Tobin et al. 2017).
"""

import numpy as np

from liquid_control.simulation.appearance import Appearance, random_appearance
from liquid_control.simulation.car import Car
from liquid_control.simulation.fast_fleet import Handling
from liquid_control.simulation.random_track import random_track
from liquid_control.simulation.track import Track

TIGHT_SHARE = 0.35
TIGHT_RADIUS_M = 0.65
TIGHT_NARROWEST_M = 1.4
MAX_DELAY_FRAMES = 4
GRAIN_VALUES = 2**20
"""Normal values drawn once; the noise of a picture is a piece of them, which costs a twentieth of drawing it anew."""


def learning_track(seed: int, rng: np.random.Generator) -> Track:
    """Return a road to learn on: mostly as ``random:SEED``, some wide and with bends as tight as race tracks have."""
    if rng.random() < TIGHT_SHARE:
        return random_track(seed, TIGHT_NARROWEST_M, TIGHT_RADIUS_M)
    return random_track(seed)


def random_handling(car: Car, count: int, rng: np.random.Generator) -> Handling:
    """Draw cars whose steering and grip differ from the description."""
    return Handling(
        steering_gain=rng.uniform(0.9, 1.1, count),
        steering_offset=rng.normal(0.0, 0.015, count),
        steering_lag=car.steering_time_constant_s * rng.uniform(0.5, 2.0, count),
        understeer=rng.uniform(0.0, 0.02, count),
        friction=car.tyre_friction * rng.uniform(0.45, 1.2, count),
    )


def random_look(rng: np.random.Generator) -> Appearance:
    """Draw the look of a road."""
    return random_appearance(rng)


class PictureFaults:
    """What happens to the pictures of B cars on the way: light, noise, shadow, blackout, delay; redrawn per drive."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self.noise, self.gain, self.shift = np.zeros(count), np.ones(count), np.zeros(count)
        self.tint, self.delay = np.ones((count, 3)), np.zeros(count, int)
        self._shadow = np.zeros(count, bool)
        self._black_left = np.zeros(count, int)
        self._black_rate = np.zeros(count)
        self._grain = rng.standard_normal(GRAIN_VALUES, dtype=np.float32)

    def redraw(self, cars: np.ndarray) -> None:
        """Draw the faults of a new drive for some cars."""
        rng, count = self._rng, len(cars)
        self.noise[cars] = rng.uniform(0.0, 30.0, count) * (rng.random(count) < 0.5)
        self.gain[cars] = np.exp(rng.uniform(np.log(0.5), np.log(1.6), count))
        self.shift[cars] = rng.uniform(-25.0, 25.0, count)
        self.tint[cars] = rng.uniform(0.9, 1.1, (count, 3))
        self.delay[cars] = rng.integers(0, MAX_DELAY_FRAMES + 1, count) * (rng.random(count) < 0.4)
        self._shadow[cars] = rng.random(count) < 0.25
        self._black_rate[cars] = 0.03 * (rng.random(count) < 0.15)

    def apply(self, pictures: np.ndarray) -> np.ndarray:
        """Return the pictures, uint8 (B, 3, H, W), as the cameras give them."""
        rng = self._rng
        values = pictures * (self.gain[:, None] * self.tint)[:, :, None, None].astype(np.float32)
        values += self.shift[:, None, None, None].astype(np.float32)
        for car in np.flatnonzero(self._shadow):
            values[car] *= shadow_mask(*pictures.shape[2:], rng)
        for car in np.flatnonzero(self.noise):
            start = rng.integers(GRAIN_VALUES - values[car].size)
            grain = self._grain[start : start + values[car].size].reshape(values.shape[1:])
            values[car] += grain * np.float32(self.noise[car])
        self._black_left = np.where(
            rng.random(len(self.noise)) < self._black_rate, 9, np.maximum(self._black_left - 1, 0)
        )
        values[self._black_left > 0] = 0.0
        return np.clip(values, 0.0, 255.0, out=values).astype(np.uint8)


def shadow_mask(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return factors (H, W) of a picture with a slanting dark band."""
    slope, middle, half = rng.uniform(-1.5, 1.5), rng.uniform(0.0, 1.0), rng.uniform(0.05, 0.3)
    x = np.arange(width, dtype=np.float32)[None, :] / width
    y = np.arange(height, dtype=np.float32)[:, None] / height
    inside = np.abs(x - middle - slope * (y - 0.5)) < half
    return np.where(inside, np.float32(rng.uniform(0.3, 0.8)), np.float32(1.0))
