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

"""Whether camera and IMU deliver what the drive node can use."""
import math

import numpy as np

from liquid_control.driving.stamps import MAX_FUTURE_S
from liquid_control.readiness.connections import check_source
from liquid_control.readiness.finding import Finding, ok, skipped, wrong
from liquid_control.readiness.observation import Observation, Stream

GRAVITY_MPS2 = 9.81
GRAVITY_TOLERANCE_MPS2 = 1.0
MAX_TILT_RAD = 0.26
MAX_STILL_RATE_RADPS = 0.1
STILL_SPREAD_MPS2 = 0.5
MIN_RATE_SHARE = 0.8
MIN_CONTRAST_LEVELS = 1.0
MIN_MESSAGES = 5
AXES = 'x', 'y', 'z'


def check_camera(seen: Observation) -> Finding:
    """Check that pictures come."""
    return check_source('camera', seen.camera_topic, len(seen.camera), 'start the camera driver')


def check_picture(seen: Observation) -> Finding:
    """Check that pictures can be read and show something."""
    if not len(seen.camera):
        return skipped('picture', 'no picture came')
    if seen.picture_troubles:
        return wrong('picture', seen.picture_troubles[0], 'set the encoding in the camera driver, such as rgb8 or bgr8')
    height, width = seen.picture.shape[:2]
    if float(seen.picture.std()) < MIN_CONTRAST_LEVELS:
        return wrong('picture', f'the picture is uniform, level {seen.picture.mean():.0f} of 255',
                     'take the cap off the lens; check exposure and cable')
    return ok('picture', f'{width} x {height} {seen.encoding}')


def check_camera_rate(seen: Observation) -> Finding:
    """Check that there is a new picture for every control tick."""
    return _check_rate('camera rate', seen.camera, seen.simulated, seen.settings.control_rate_hz,
                       seen.settings.camera_timeout_s, 'camera_timeout_s')


def check_camera_stamps(seen: Observation) -> Finding:
    """Check that pictures are stamped with the clock that the drive node reads."""
    return _check_stamps('camera stamps', seen.camera, seen, seen.settings.camera_timeout_s)


def check_imu(seen: Observation) -> Finding:
    """Check that IMU samples come and can be read."""
    found = check_source('IMU', seen.imu_topic, len(seen.imu), 'start the IMU driver')
    if seen.imu_troubles and len(seen.imu):
        return wrong('IMU', seen.imu_troubles[0], 'choose an IMU, or a mode of it, that measures both')
    return found


def check_imu_rate(seen: Observation) -> Finding:
    """Check that there is a new sample for every control tick."""
    return _check_rate('IMU rate', seen.imu, seen.simulated, seen.settings.control_rate_hz,
                       seen.settings.imu_timeout_s, 'imu_timeout_s')


def check_imu_stamps(seen: Observation) -> Finding:
    """Check that samples are stamped with the clock that the drive node reads."""
    return _check_stamps('IMU stamps', seen.imu, seen, seen.settings.imu_timeout_s)


def check_gravity(seen: Observation) -> Finding:
    """Check units and axes: at rest an accelerometer measures +9.81 m/s^2 on z, which points up (REP-103, REP-145).

    While the car moves only the mean of z is held against gravity.
    """
    check = 'IMU axes'
    if len(seen.samples) < MIN_MESSAGES:
        return skipped(check, 'no samples to look at')
    gyro, accel = seen.samples[:, :3].mean(axis=0), seen.samples[:, 3:].mean(axis=0)
    still = seen.standing and float(seen.samples[:, 3:].std(axis=0).max()) < STILL_SPREAD_MPS2
    size = float(np.linalg.norm(accel)) if still else abs(float(accel[2]))
    if abs(size - 1.0) < 0.1:
        return wrong(check, f'acceleration measures {size:.2f}: that is in units of g',
                     'let the IMU driver publish m/s^2')
    largest = int(np.argmax(np.abs(accel)))
    if accel[2] < -0.5 * GRAVITY_MPS2 and largest == 2:
        return wrong(check, f'upside down: {accel[2]:.2f} m/s^2 on z, at rest it is +9.81',
                     'turn the IMU over, or set its axes in its driver: x forward, y left, z up')
    if size < 0.5 * GRAVITY_MPS2:
        return wrong(check, f'{size:.2f} m/s^2 where gravity should be: it was removed, or is on another axis',
                     'let the IMU driver publish raw acceleration in m/s^2 with gravity: x forward, y left, z up')
    if largest != 2 and still:
        return wrong(check, f'gravity is on {"+" if accel[largest] > 0 else "-"}{AXES[largest]} '
                            f'({accel[largest]:.2f} m/s^2), not on +z',
                     'set the axes in the IMU driver: x forward, y left, z up')
    return _check_fine(check, gyro, accel, size, still)


def _check_fine(check: str, gyro: np.ndarray, accel: np.ndarray, size: float, still: bool) -> Finding:
    if abs(size - GRAVITY_MPS2) > GRAVITY_TOLERANCE_MPS2:
        return wrong(check, f'{size:.2f} m/s^2 where gravity is 9.81', 'calibrate the accelerometer, check its scale')
    tilt = math.acos(min(max(float(accel[2]) / size, -1.0), 1.0))
    if still and tilt > MAX_TILT_RAD:
        return wrong(check, f'tilted by {math.degrees(tilt):.0f} degrees', 'put the car on level ground; mount the IMU '
                                                                           'flat, or set its axes in its driver')
    if still and float(np.abs(gyro).max()) > MAX_STILL_RATE_RADPS:
        return wrong(check, f'the gyroscope measures {float(np.abs(gyro).max()):.2f} rad/s on a car that stands',
                     'let the car stand still while the IMU starts; check that its driver publishes rad/s')
    return ok(check, f'{accel[2]:+.2f} m/s^2 on z' + ('' if still else ', car moving'))


def _check_rate(check: str, stream: Stream, simulated: bool, wanted_hz: float, timeout_s: float,
                timeout: str) -> Finding:
    if len(stream) < MIN_MESSAGES:
        return skipped(check, f'{len(stream)} messages came, too few to tell')
    rate, gap = stream.rate_hz(simulated), float(stream.periods_s(simulated).max())
    if math.isnan(rate):
        return skipped(check, 'the stamps do not advance')
    if rate < MIN_RATE_SHARE * wanted_hz:
        return wrong(check, f'{rate:.1f} Hz, the control rate is {wanted_hz:g} Hz',
                     'raise the rate in the driver (a camera: shorter exposure, smaller picture), '
                     'or set control_rate_hz and the policy to match')
    if gap > timeout_s:
        return wrong(check, f'{rate:.1f} Hz, but {gap:.2f} s without a message: {timeout} is {timeout_s:g} s',
                     'free the processor or the USB bus, or look at the driver; the car stops in such gaps')
    return ok(check, f'{rate:.1f} Hz, longest gap {1e3 * gap:.0f} ms')


def _check_stamps(check: str, stream: Stream, seen: Observation, timeout_s: float) -> Finding:
    if len(stream) < MIN_MESSAGES:
        return skipped(check, f'{len(stream)} messages came, too few to tell')
    if max(stream.stamp_s) <= 0.0:
        return wrong(check, 'stamps are zero', 'set header.stamp in the driver')
    delays = stream.delays_s(seen.simulated)
    delays = delays[~np.isnan(delays)]
    if not len(delays):
        return skipped(check, '/clock does not run')
    delay = float(np.median(delays))
    if delay > timeout_s or delay < -MAX_FUTURE_S:
        return _off(check, delay, seen)
    if float(np.diff(stream.stamp_s).min()) < 0.0:
        return wrong(check, f'stamps step back by {-float(np.diff(stream.stamp_s).min()):.3g} s',
                     'stop a second publisher or a looping bag; check the driver')
    return ok(check, f'{1e3 * max(delay, 0.0):.0f} ms old on arrival')


def _off(check: str, delay: float, seen: Observation) -> Finding:
    said = f'stamps are {abs(delay):.3g} s {"old" if delay > 0.0 else "in the future"} on arrival'
    if not seen.simulated and seen.clock:
        return wrong(check, said, 'the stamps are those of /clock: set use_sim_time to true')
    if seen.simulated:
        return wrong(check, said, 'let the driver take its time from /clock too, or set use_sim_time to false')
    return wrong(check, said, 'synchronise the clocks of the machines (chrony), or let the driver stamp on receipt')
