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

"""What a camera adds to the truth: no two pictures of one, even of a standing car, are the same."""
import numpy as np

from liquid_control.simulation.car import Camera


class CameraNoise:
    """White noise on every pixel, cut at random out of a sheet that is drawn once.

    :param factor: on the noise; 0 gives a perfect camera.
    """

    def __init__(self, camera: Camera, factor: float, rng: np.random.Generator) -> None:
        self._rng = rng
        self._size = 3 * camera.height_px * camera.width_px
        levels = factor * camera.noise_levels * rng.standard_normal(2 * self._size if factor else 0)
        self._sheet = np.clip(np.rint(levels), -255, 255).astype(np.int16)

    def add(self, picture: np.ndarray) -> np.ndarray:
        """Return what the camera gives for what it sees, both uint8 (H, W, 3)."""
        if not len(self._sheet):
            return picture
        begin = self._rng.integers(self._size)
        noise = self._sheet[begin:begin + self._size].reshape(picture.shape)
        return np.clip(picture + noise, 0, 255).astype(np.uint8)
