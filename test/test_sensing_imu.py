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

"""IMU vectors from messages."""
from types import SimpleNamespace

import numpy as np
import pytest

from liquid_control.errors import InputError
from liquid_control.sensing.imu import imu_vector


def xyz(x, y, z):
    return SimpleNamespace(x=x, y=y, z=z)


def sample(gyro=(0.1, 0.2, 0.3), accel=(1.0, 2.0, 9.81), gyro_covariance=0.0, accel_covariance=0.0):
    return SimpleNamespace(
        angular_velocity=xyz(*gyro), linear_acceleration=xyz(*accel),
        angular_velocity_covariance=[gyro_covariance] * 9, linear_acceleration_covariance=[accel_covariance] * 9)


def test_gyro_comes_before_acceleration():
    vector = imu_vector(sample())
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, (0.1, 0.2, 0.3, 1.0, 2.0, 9.81), rtol=1e-6)


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), -float('inf'), 1e300])
def test_values_no_imu_can_have_are_refused(bad):
    with pytest.raises(InputError, match='all six must be finite'):
        imu_vector(sample(gyro=(0.0, bad, 0.0)))
    with pytest.raises(InputError, match='all six must be finite'):
        imu_vector(sample(accel=(0.0, 0.0, bad)))


def test_an_imu_that_does_not_measure_what_is_needed_is_refused():
    with pytest.raises(InputError, match='does not report its angular_velocity'):
        imu_vector(sample(gyro_covariance=-1.0))
    with pytest.raises(InputError, match='does not report its linear_acceleration'):
        imu_vector(sample(accel_covariance=-1.0))
