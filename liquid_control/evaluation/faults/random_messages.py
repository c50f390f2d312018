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

"""Camera and IMU messages with every field at random, and such that are known to be good or bad."""
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from liquid_control.sensing.conversions import ENCODINGS

HEIGHT, WIDTH = 48, 64
NAMES = (*ENCODINGS, '', 'rgb', '32FC1', 'RGB8', 'x' * 400, '\u2603', 'rgb8\n', '%s%n', '../../etc')
SIZES = (0, 1, 2, 3, 5, 16, 33, 48, 64, 97, 8192, 8193, 2 ** 31, 2 ** 32 - 1)
NUMBERS = (0.0, -0.0, 1.0, -1.0, 9.81, math.nan, math.inf, -math.inf, 1e5, 1.0001e5, 1e308, -1e308, 5e-324)
FORMATS = ('jpeg', 'png', 'rgb8; jpeg compressed bgr8', '', 'h264', 'x' * 400, '\x00')
SECONDS = (0, 1, -1, 100, 2 ** 31 - 1, -2 ** 31)


class RandomMessages:
    """Draws messages as plain objects; ``image``, ``compressed`` and ``imu`` draw any, the others good or bad ones.

    :param now: returns the seconds that good messages are stamped with.
    """

    def __init__(self, seed: int, now: Callable[[], float]) -> None:
        self._rng = np.random.default_rng(seed)
        self._now = now
        self._noise = self._rng.integers(0, 256, 1 << 16, dtype=np.uint8).tobytes()
        pixels = self._rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        self._files = [cv2.imencode(suffix, pixels)[1].tobytes() for suffix in ('.jpg', '.png')]

    def image(self) -> SimpleNamespace:
        """Return an Image whose fields have nothing to do with each other, or almost fit."""
        if self._chance(0.5):
            message = self.good_image()
            for name in self._some('encoding', 'height', 'width', 'step', 'data', 'is_bigendian'):
                setattr(message, name, self._field(name))
            return message
        names = 'encoding', 'height', 'width', 'step', 'data', 'is_bigendian'
        return SimpleNamespace(header=self._header(), **{name: self._field(name) for name in names})

    def compressed(self) -> SimpleNamespace:
        """Return a CompressedImage: noise, or a file with some bytes changed, cut off or added."""
        data = self._bytes(2000)
        if self._chance(0.8):
            data = bytearray(self._pick(self._files))
            for _ in range(int(self._rng.integers(0, 6))):
                data[int(self._rng.integers(0, len(data)))] = int(self._rng.integers(0, 256))
            if self._chance(0.3):
                data = data[:int(self._rng.integers(0, len(data)))]
            if self._chance(0.2):
                data += self._bytes(50)
        return SimpleNamespace(header=self._header(), format=self._pick(FORMATS), data=bytes(data))

    def imu(self) -> SimpleNamespace:
        """Return an Imu with numbers of every kind."""
        return self._imu(lambda: self._pick(NUMBERS), [self._pick((0.0, -1.0, math.nan, 1e300)) for _ in range(9)],
                         self._header())

    def good_image(self) -> SimpleNamespace:
        """Return an rgb8 picture of noise."""
        begin = int(self._rng.integers(0, len(self._noise) - 3 * HEIGHT * WIDTH))
        return SimpleNamespace(header=self._header(self._now()), encoding='rgb8', height=HEIGHT, width=WIDTH,
                               step=3 * WIDTH, is_bigendian=0,
                               data=bytearray(self._noise[begin:begin + 3 * HEIGHT * WIDTH]))

    def bad_image(self) -> SimpleNamespace:
        """Return a picture that cannot be read, whatever a reader believes."""
        message = self.good_image()
        name, value = self._pick((('encoding', 'thermal9'), ('step', 5), ('height', 0), ('data', b''), ('width', 8193)))
        setattr(message, name, value)
        return message

    def good_imu(self) -> SimpleNamespace:
        """Return the sample of a car at rest."""
        return self._imu(lambda: 0.5, [0.0] * 9, self._header(self._now()))

    def bad_imu(self) -> SimpleNamespace:
        """Return a sample with a number that is none."""
        message = self.good_imu()
        message.linear_acceleration.y = self._pick((math.nan, math.inf, -math.inf, 1e308))
        return message

    def _imu(self, number: Callable[[], float], covariance: list[float], header: SimpleNamespace) -> SimpleNamespace:
        gyro, accel = (SimpleNamespace(x=number(), y=number(), z=number()) for _ in range(2))
        return SimpleNamespace(header=header, angular_velocity=gyro, linear_acceleration=accel,
                               angular_velocity_covariance=covariance, linear_acceleration_covariance=covariance)

    def _field(self, name: str) -> Any:
        if name == 'encoding':
            return self._pick(NAMES)
        if name == 'data':
            return self._bytes(30_000)
        if name == 'is_bigendian':
            return int(self._rng.integers(0, 256))
        return self._pick(SIZES) if self._chance(0.5) else int(self._rng.integers(0, 300))

    def _header(self, now_s: float | None = None) -> SimpleNamespace:
        if now_s is None and self._chance(0.5):
            stamp = SimpleNamespace(sec=self._pick(SECONDS), nanosec=int(self._rng.integers(0, 2 ** 32)))
        else:
            seconds = self._now() if now_s is None else now_s
            stamp = SimpleNamespace(sec=int(seconds), nanosec=int(1e9 * (seconds % 1.0)))
        return SimpleNamespace(stamp=stamp, frame_id=self._pick(('', 'camera', 'x' * 300)))

    def _bytes(self, most: int) -> bytes:
        length = int(self._rng.integers(0, most))
        begin = int(self._rng.integers(0, len(self._noise) - length))
        return self._noise[begin:begin + length]

    def _some(self, *names: str) -> list[str]:
        return [name for name in names if self._chance(0.3)]

    def _chance(self, probability: float) -> bool:
        return self._rng.random() < probability

    def _pick(self, values: Any) -> Any:
        return values[int(self._rng.integers(0, len(values)))]
