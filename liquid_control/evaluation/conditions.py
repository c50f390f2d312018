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

"""Conditions to drive under: faults of the camera, of grip, of speed, of the IMU, of steering and of mounting.

A camera fault acts on the picture as it is published, uint8 (H, W, 3), so that it is the same in every simulator.
"""
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from liquid_control.errors import InputError
from liquid_control.simulation.car import Car

BLACKOUT_S = 0.3
SHADOW_BANDS = 3

WITHOUT_VALUE = ('clean', 'shadow', 'slippery')
SLIPPERY_FRICTION, SLIPPERY_LAG = 0.5, 3.0
LIMITS = {
    'noise': (0.0, 1.0), 'drop': (0.0, 1.0), 'blackout': (0.0, 1.0), 'delay': (0.0, 30.0), 'brightness': (0.0, 5.0),
    'friction': (0.05, 2.0), 'speed': (0.3, 3.0), 'imu_noise': (0.0, 100.0),
    'steering_offset': (-0.4, 0.4), 'camera_height': (0.3, 4.0), 'boxes': (0.0, 200.0)}
"""Lowest and highest value of each condition that takes one."""


@dataclass(frozen=True)
class Condition:
    """One condition; ``value`` is 1 for a condition that takes none."""

    name: str
    value: float = 1.0

    def __str__(self) -> str:
        return self.name if self.name in WITHOUT_VALUE else f'{self.name}={self.value:g}'

    @property
    def friction(self) -> float:
        """Factor on the friction of the tyres."""
        return SLIPPERY_FRICTION if self.name == 'slippery' else self._factor('friction')

    @property
    def speed(self) -> float:
        """Factor on the speed that the policy commands."""
        return self._factor('speed')

    @property
    def imu_noise(self) -> float:
        """Factor on the nominal noise of the IMU."""
        return self._factor('imu_noise')

    @property
    def steering_offset_rad(self) -> float:
        """What a servo that was mounted askew adds to every steering angle, left positive."""
        return self.value if self.name == 'steering_offset' else 0.0

    def car(self, car: Car) -> Car:
        """Return the car with its camera as high, and its steering as slow, as under this condition."""
        height = car.camera.z_m * self._factor('camera_height')
        lag_s = car.steering_time_constant_s * (SLIPPERY_LAG if self.name == 'slippery' else 1.0)
        return replace(car, camera=replace(car.camera, z_m=height), steering_time_constant_s=lag_s)

    @property
    def boxes(self) -> int:
        """How many boxes stand beside the road and throw shadows; only Gazebo has any."""
        return int(self.value) if self.name == 'boxes' else 0

    def camera_fault(self, rng: np.random.Generator, rate_hz: float = 30.0) -> 'CameraFault':
        """Return what happens to the pictures of one episode, drawn from ``rng``.

        :param rate_hz: pictures per second, which turns the length of a blackout into frames.
        """
        if self.name not in _FAULTS:
            return CameraFault()
        return _FAULTS[self.name](self.value, rng, rate_hz)

    def _factor(self, name: str) -> float:
        return self.value if self.name == name else 1.0


CLEAN = Condition('clean')


def parse_condition(text: str) -> Condition:
    """Return the condition of ``NAME`` or ``NAME=VALUE``.

    :raises InputError: for a name nobody knows, a missing or needless value, or one outside its limits.
    """
    name, equals, value = text.partition('=')
    if name in WITHOUT_VALUE:
        if equals:
            raise InputError(f"condition '{text}' has a value but {name} takes none; write {name}")
        return Condition(name)
    if name not in LIMITS:
        known = ', '.join((*WITHOUT_VALUE, *(f'{known}=VALUE' for known in LIMITS)))
        raise InputError(f"condition '{text}' is unknown; give one of {known}")
    return Condition(name, _parse_value(name, value, text))


def _parse_value(name: str, value: str, text: str) -> float:
    low, high = LIMITS[name]
    whole = name in ('delay', 'boxes')
    try:
        number = float(int(value)) if whole else float(value)
    except ValueError:
        number = float('nan')
    if not low <= number <= high:
        kind = f"a whole number of {'frames' if name == 'delay' else name}" if whole else 'a number'
        raise InputError(
            f"condition '{text}' needs {kind} from {low:g} to {high:g}; write for example {name}={_example(name)}")
    return number


def _example(name: str) -> str:
    return {'noise': '0.2', 'delay': '3', 'friction': '0.5', 'speed': '1.2', 'imu_noise': '3',
            'steering_offset': '0.2', 'camera_height': '1.5', 'boxes': '40'}.get(name, '0.1')


class CameraFault:
    """The camera of one episode. Call ``apply`` once for each picture, in order. This one has no fault."""

    def apply(self, picture: np.ndarray) -> np.ndarray | None:
        """Return the picture that arrives, uint8 (H, W, 3), or None when none arrives.

        The picture given is not written to.
        """
        return picture


class Noise(CameraFault):
    """Gaussian noise, independent in every pixel, channel and frame; ``sd`` on the 0..1 picture, clipped."""

    def __init__(self, sd: float, rng: np.random.Generator, _rate_hz: float) -> None:
        self._sd = np.float32(255.0 * sd)
        self._rng = rng

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture with noise."""
        noisy = self._rng.standard_normal(picture.shape, dtype=np.float32)
        noisy *= self._sd
        noisy += picture
        return _to_bytes(noisy)


class Drop(CameraFault):
    """Each picture is lost with a probability."""

    def __init__(self, probability: float, rng: np.random.Generator, _rate_hz: float) -> None:
        self._probability = probability
        self._rng = rng

    def apply(self, picture: np.ndarray) -> np.ndarray | None:
        """Return the picture, or None when it is lost."""
        return None if self._rng.random() < self._probability else picture


class Blackout(CameraFault):
    """With a probability at each picture, 0.3 s of black pictures begin."""

    def __init__(self, probability: float, rng: np.random.Generator, rate_hz: float) -> None:
        self._probability = probability
        self._rng = rng
        self._frames = max(1, round(BLACKOUT_S * rate_hz))
        self._left = 0

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture or a black one."""
        if self._left == 0 and self._rng.random() < self._probability:
            self._left = self._frames
        if self._left == 0:
            return picture
        self._left -= 1
        return np.zeros_like(picture)


class Delay(CameraFault):
    """Each picture arrives a number of frames late; before the first one none arrives."""

    def __init__(self, frames: float, _rng: np.random.Generator, _rate_hz: float) -> None:
        self._held: deque[np.ndarray] = deque(maxlen=int(frames) + 1)

    def apply(self, picture: np.ndarray) -> np.ndarray | None:
        """Return the picture of that many calls ago, or None at the start."""
        self._held.append(picture.copy())
        return self._held[0] if len(self._held) == self._held.maxlen else None


class Brightness(CameraFault):
    """All pixels times a factor, clipped."""

    def __init__(self, factor: float, _rng: np.random.Generator, _rate_hz: float) -> None:
        self._table = _to_bytes(np.arange(256) * factor)

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Return the brighter or darker picture."""
        return self._table[picture]


class Shadow(CameraFault):
    """Dark bands with sharp edges that cross the picture, as those of poles, trees and people."""

    def __init__(self, _value: float, rng: np.random.Generator, rate_hz: float) -> None:
        self._angle = rng.uniform(0.0, 2.0 * np.pi, SHADOW_BANDS)
        self._width = rng.uniform(0.08, 0.30, SHADOW_BANDS)
        self._light = rng.uniform(0.35, 0.65, SHADOW_BANDS)
        self._position = rng.uniform(-1.0, 1.0, SHADOW_BANDS)
        self._step = rng.uniform(0.3, 1.2, SHADOW_BANDS) / rate_hz
        self._across: list[np.ndarray] = []

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture under the bands, which then move on.

        Lengths are in picture diagonals; a band that has left on one side comes back on the other.
        """
        self._position = (self._position + self._step + 1.0) % 2.0 - 1.0
        if not self._across or self._across[0].shape != picture.shape[:2]:
            self._across = [_across(angle, *picture.shape[:2]) for angle in self._angle]
        light = np.ones(picture.shape[:2], dtype=np.float32)
        for across, band, dark, position in zip(
                self._across, self._width, self._light, self._position, strict=True):
            light[np.abs(across - position) < 0.5 * band] *= dark
        return _to_bytes(picture * light[..., None])


def _across(angle: float, height: int, width: int) -> np.ndarray:
    """Return how far each pixel is from the picture's middle in a direction, in diagonals, (height, width)."""
    diagonal = np.hypot(height, width)
    y = (np.arange(height)[:, None] - 0.5 * height) / diagonal
    x = (np.arange(width)[None, :] - 0.5 * width) / diagonal
    return x * np.cos(angle) + y * np.sin(angle)


_FAULTS: dict[str, Callable[[float, np.random.Generator, float], CameraFault]] = {
    'noise': Noise, 'drop': Drop, 'blackout': Blackout, 'delay': Delay, 'brightness': Brightness, 'shadow': Shadow}


def _to_bytes(values: np.ndarray) -> np.ndarray:
    rounded = np.rint(values)
    return np.clip(rounded, 0, 255, out=rounded).astype(np.uint8)
