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

"""What an IMU adds to the truth: white noise and a constant bias."""
import numpy as np

from liquid_control.simulation.car import Imu


class ImuNoise:
    """Noise of one run: the bias is drawn once, the noise for every sample.

    :param factor: on all noise and bias; 0 gives a perfect IMU.
    """

    def __init__(self, imu: Imu, factor: float, rng: np.random.Generator) -> None:
        self._rng = rng
        self._noise = factor * np.repeat((imu.gyro_noise_radps, imu.accel_noise_mps2), 3)
        self._bias = factor * np.repeat((imu.gyro_bias_radps, imu.accel_bias_mps2), 3) * rng.standard_normal(6)

    def sample(self, truth: np.ndarray) -> np.ndarray:
        """Return what the IMU reads, float32 (6,): rad/s and m/s^2 about and along x, y, z."""
        return (truth + self._bias + self._noise * self._rng.standard_normal(6)).astype(np.float32)
