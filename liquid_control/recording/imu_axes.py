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

"""Finding how an IMU sits in a recorded car, and turning its samples to REP-103 axes (x forward, y left, z up)."""
from dataclasses import dataclass

import numpy as np

from liquid_control.errors import InputError

REMEDY = 'give --imu-axes=FORWARD,LEFT,UP in sensor axes, such as --imu-axes=-z,-x,y, or --imu-axes=none for no IMU'
MIN_SAMPLES = 50
GRAVITY_RANGE_MPS2 = (7.0, 13.0)
MIN_GRAVITY_SHARE = 0.8
MIN_CORRELATION = 0.2
MIN_RATIO = 1.5
SMOOTHING = 5
MAX_LAG = 5


@dataclass(frozen=True)
class Axes:
    """A proper rotation from sensor axes to x forward, y left, z up, and the reasons for it."""

    rotation: np.ndarray
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def turn(self, vectors: np.ndarray) -> np.ndarray:
        """Return vectors [N, 3] of the sensor in the car's axes [N, 3]."""
        return vectors @ self.rotation.T

    def __str__(self) -> str:
        names = ('forward', 'left', 'up')
        return ', '.join(f'{name} {_axis_name(row)}' for name, row in zip(names, self.rotation, strict=True))


def parse_axes(text: str) -> Axes:
    """Parse 'FORWARD,LEFT,UP' in signed sensor axes, such as '-z,-x,y'.

    :raises InputError: if it is not a right-handed set of three different axes.
    """
    rows = []
    for part in text.replace(' ', '').split(','):
        sign, name = (-1.0, part[1:]) if part.startswith('-') else (1.0, part.removeprefix('+'))
        rows.append(sign * np.eye(3)['xyz'.index(name)] if len(name) == 1 and name in 'xyz' else np.zeros(3))
    rotation = np.array(rows)
    if rotation.shape != (3, 3) or abs(abs(np.linalg.det(rotation)) - 1.0) > 1e-9:
        raise InputError(f"IMU axes '{text}' are not three different signed axes; {REMEDY}")
    if np.linalg.det(rotation) < 0.0:
        raise InputError(f"IMU axes '{text}' mirror (determinant -1); a sensor can only be turned: {REMEDY}")
    return Axes(rotation, ('given by --imu-axes',))


def estimate_axes(gyro: np.ndarray, accel: np.ndarray, steering: np.ndarray, throttle: np.ndarray) -> Axes:
    """Estimate the mounting from a drive, to multiples of 90 degrees.

    Up is where the median acceleration points (an accelerometer at rest measures +g upwards). Left is the
    horizontal axis whose acceleration follows the yaw rate (centripetal: a_left = v * yaw rate, so the sign of the
    throttle counts). Forward completes a right-handed frame. Throttle and steering are used to check the result.

    :param gyro: [N, 3], any unit; NaN where there is no sample. :param accel: [N, 3] m/s^2, likewise.
    :param steering: [N], left positive; NaN where no human drove. :param throttle: [N], likewise.
    :raises InputError: if the data do not tell.
    """
    known = np.isfinite(gyro).all(1) & np.isfinite(accel).all(1) & np.isfinite(steering) & np.isfinite(throttle)
    gyro, accel, steering, throttle = gyro[known], accel[known], steering[known], throttle[known]
    if len(gyro) < MIN_SAMPLES:
        shortage = f'{len(gyro)} IMU samples with a human driving do not tell the IMU axes'
        raise InputError(f'{shortage}, at least {MIN_SAMPLES} are needed; {REMEDY}')
    up, up_reason = _find_up(accel)
    yaw_rate = gyro @ up
    left, left_reason = _find_left(accel, up, yaw_rate * np.sign(throttle))
    forward = np.cross(left, up)
    pushed = _correlation(_smooth(accel @ forward), _smooth(throttle))
    forward_reason = (f'forward {_axis_name(forward)}: completes a right-handed frame; r = {pushed:+.2f} between its '
                      'acceleration and the throttle')
    turned, lag = _best_lag(steering, yaw_rate)
    turn_reason = f'yaw rate and steering to the left: r = {turned:+.2f}, {lag} samples later'
    warnings = []
    if turned < MIN_CORRELATION:
        warnings.append(f'the yaw rate does not follow steering to the left (r = {turned:+.2f}); check the sign of '
                        'user/angle, which is -1 for left in donkeycar, before learning from this drive')
    if pushed < -MIN_CORRELATION:
        warnings.append(f'the forward acceleration is against the throttle (r = {pushed:+.2f}); check --imu-axes')
    return Axes(np.array([forward, left, up]), (up_reason, left_reason, forward_reason, turn_reason), tuple(warnings))


def _find_up(accel: np.ndarray) -> tuple[np.ndarray, str]:
    rest = np.median(accel, axis=0)
    size = float(np.linalg.norm(rest))
    shown = ', '.join(f'{value:.2f}' for value in rest)
    if not GRAVITY_RANGE_MPS2[0] <= size <= GRAVITY_RANGE_MPS2[1]:
        raise InputError(f'the median acceleration ({shown}) is {size:.2f} long where gravity is 9.81 m/s^2; {REMEDY}')
    axis = int(np.abs(rest).argmax())
    share = abs(rest[axis]) / size
    if share < MIN_GRAVITY_SHARE:
        raise InputError(f'the median acceleration ({shown}) is more than 37 degrees off every sensor axis; {REMEDY}')
    up = np.sign(rest[axis]) * np.eye(3)[axis]
    off = np.degrees(np.arccos(share))
    return up, f'up {_axis_name(up)}: the median acceleration is ({shown}) m/s^2, {off:.0f} degrees off this axis'


def _find_left(accel: np.ndarray, up: np.ndarray, turning: np.ndarray) -> tuple[np.ndarray, str]:
    horizontal = [axis for axis in range(3) if up[axis] == 0.0]
    correlations = [_correlation(_smooth(accel[:, axis]), _smooth(turning)) for axis in horizontal]
    best = int(np.abs(correlations).argmax())
    found, other = correlations[best], correlations[1 - best]
    if abs(found) < max(MIN_CORRELATION, MIN_RATIO * abs(other)):
        raise InputError(f'centripetal acceleration shows on neither horizontal IMU axis (r = {found:+.2f} and '
                         f'{other:+.2f}), so forward is unknown; {REMEDY}')
    left = np.sign(found) * np.eye(3)[horizontal[best]]
    other_name = 'xyz'[horizontal[1 - best]]
    return left, (f'left {_axis_name(left)}: r = {abs(found):+.2f} between its acceleration and the yaw rate '
                  f'(centripetal, with the sign of the throttle); {other:+.2f} for {other_name}')


def _smooth(values: np.ndarray) -> np.ndarray:
    return np.convolve(values, np.full(SMOOTHING, 1.0 / SMOOTHING), 'same')


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    spread = first.std() * second.std()
    return float(np.mean((first - first.mean()) * (second - second.mean())) / spread) if spread > 1e-12 else 0.0


def _best_lag(cause: np.ndarray, effect: np.ndarray) -> tuple[float, int]:
    correlations = [_correlation(cause[:len(cause) - lag], effect[lag:]) for lag in range(MAX_LAG + 1)]
    lag = int(np.abs(correlations).argmax())
    return correlations[lag], lag


def _axis_name(row: np.ndarray) -> str:
    axis = int(np.abs(row).argmax())
    return f"{'-' if row[axis] < 0.0 else '+'}{'xyz'[axis]}"
