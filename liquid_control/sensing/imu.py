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

"""IMU vectors from ``sensor_msgs/Imu``."""
from typing import Any

import numpy as np

from liquid_control.errors import InputError

NOT_REPORTED = -1.0
"""First element of a covariance when the IMU does not measure that quantity (REP-145)."""
MAX_VALUE = 1e5
"""Beyond any IMU, in rad/s or m/s^2."""


def imu_vector(message: Any) -> np.ndarray:
    """Return float32 (6,): angular velocity x, y, z in rad/s, then acceleration x, y, z in m/s^2, REP-103 axes.

    :raises InputError: if a value is not finite or absurd, or one of the two is not reported.
    """
    gyro, accel = message.angular_velocity, message.linear_acceleration
    values = (gyro.x, gyro.y, gyro.z, accel.x, accel.y, accel.z)
    if not all(abs(value) <= MAX_VALUE for value in values):
        shown = ', '.join(f'{value:g}' for value in values)
        raise InputError(f'IMU sample holds {shown}; all six must be finite and at most {MAX_VALUE:g}, '
                         'check the IMU driver')
    for name in 'angular_velocity', 'linear_acceleration':
        if getattr(message, f'{name}_covariance')[0] == NOT_REPORTED:
            raise InputError(f'IMU does not report its {name} (covariance -1); the policy needs it')
    return np.array(values, np.float32)
