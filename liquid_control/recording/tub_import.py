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

"""Converting a donkeycar tub to a rosbag2 MCAP bag.

Topics written:

- ``/camera/image_raw/compressed`` sensor_msgs/CompressedImage: the tub's JPEG files, byte for byte
- ``/imu/data_raw`` sensor_msgs/Imu: REP-103 axes, rad/s and m/s^2, one sample a picture, if the tub has an IMU
- ``/human_controls`` sensor_msgs/Joy: the human's controls as they were, axes[0] steering -1..1, left positive,
  axes[1] throttle -1..1
- ``/cmd_vel`` geometry_msgs/TwistStamped: the same command for tools that expect a velocity

A tub holds no speed. ``/cmd_vel`` takes the throttle as a share of the car's top speed, v = throttle * max_speed, and
the yaw rate of that speed, v tan(steering * max_steering) / wheelbase; at throttle 0 the angle is lost. Learning and
evaluation therefore read ``/human_controls``; it is not called /joy, so that playing a bag steers no car through a
teleoperation node. For the same reason play bags beside a real car with
``ros2 bag play BAG --topics /camera/image_raw/compressed /imu/data_raw``.
"""
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.recording.bag import BagWriter, new_bag
from liquid_control.recording.imu_axes import Axes, estimate_axes, parse_axes
from liquid_control.recording.tub import PNG_START, REMEDY, TubRecord, open_tub
from liquid_control.simulation.car import default_car

CAMERA_TOPIC, IMU_TOPIC = '/camera/image_raw/compressed', '/imu/data_raw'
CONTROLS_TOPIC, COMMAND_TOPIC = '/human_controls', '/cmd_vel'
CAMERA_FRAME, IMU_FRAME, BASE_FRAME = 'camera_optical_frame', 'imu_link', 'base_link'
NOMINAL_RATE_HZ = 20.0
MIN_REAL_PERIOD_MS = 10.0
RESTART_GAP_S = 2.0
SLOW_GYRO = 8.0


@dataclass
class Report:
    """What an import wrote, what it decided and what it left out."""

    pictures: int = 0
    imu_samples: int = 0
    commands: int = 0
    seconds: float = 0.0
    decisions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)


def import_tub(tub_path: str | Path, bag_path: str | Path, imu_axes: str = 'auto', gyro_unit: str = 'deg',
               rate_hz: float | None = None, progress: Callable[[list], Iterable] = iter) -> Report:
    """Convert a tub to a bag, whole or not at all.

    :param imu_axes: 'auto', 'none' or FORWARD,LEFT,UP in sensor axes (``imu_axes.parse_axes``).
    :param gyro_unit: 'deg' (donkeycar's drivers) or 'rad' per second.
    :param rate_hz: take the pictures as this far apart instead of the tub's stamps.
    :param progress: wraps the list of records while it is written.
    :raises InputError: if the tub is unusable, holds no picture, or the bag exists or cannot be written.
    """
    if rate_hz is not None and not 0.1 <= rate_hz <= 1000.0:
        raise InputError(f'rate {rate_hz:g} Hz is outside 0.1..1000; give the rate at which the pictures were taken')
    report = Report()
    with new_bag(bag_path) as bag, open_tub(tub_path) as tub:
        records = list(tub.records())
        if not records:
            raise InputError(f"tub '{tub_path}' holds no usable record ({_shown(tub.losses)}); {REMEDY}")
        stamps_ns = _stamps(records, rate_hz, report)
        axes = _axes(records, imu_axes, gyro_unit, report)
        for record, stamp_ns in progress(list(zip(records, stamps_ns, strict=True))):
            picture = tub.picture(record)
            if picture is not None:
                _write_record(bag, stamp_ns, record, picture, axes, gyro_unit, report)
        report.losses = tub.losses
        if not report.pictures:
            raise InputError(f"tub '{tub_path}' holds no readable picture ({_shown(tub.losses)}); {REMEDY}")
    report.seconds = 1e-9 * (stamps_ns[-1] - stamps_ns[0])
    return report


def _write_record(bag: BagWriter, stamp_ns: int, record: TubRecord, picture: bytes, axes: Axes | None, gyro_unit: str,
                  report: Report) -> None:
    """Write the IMU sample first: a player sends messages of one stamp in this order."""
    if axes is not None and record.imu is not None:
        gyro, accel = axes.turn(np.array(record.imu).reshape(2, 3))
        bag.write_imu(IMU_TOPIC, stamp_ns, IMU_FRAME, np.radians(gyro) if gyro_unit == 'deg' else gyro, accel)
        report.imu_samples += 1
    encoding = 'png' if picture.startswith(PNG_START) else 'jpeg'
    bag.write_compressed(CAMERA_TOPIC, stamp_ns, CAMERA_FRAME, picture, encoding)
    report.pictures += 1
    if record.angle is not None:
        car = default_car()
        steering, throttle = 0.0 - record.angle, record.throttle
        bag.write_joy(CONTROLS_TOPIC, stamp_ns, BASE_FRAME, (steering, throttle))
        speed = throttle * car.max_speed_mps
        yaw_rate = speed * math.tan(steering * car.max_steering_rad) / car.wheelbase_m
        bag.write_twist(COMMAND_TOPIC, stamp_ns, BASE_FRAME, speed, yaw_rate)
        report.commands += 1


def _stamps(records: list[TubRecord], rate_hz: float | None, report: Report) -> list[int]:
    """Return a stamp in nanoseconds for each record, never going back."""
    times = [record.time_ms for record in records]
    median = float(np.median(np.diff(times))) if len(times) > 1 else 1000.0 / NOMINAL_RATE_HZ
    if rate_hz is None and median >= MIN_REAL_PERIOD_MS:
        report.decisions.append(f"stamps: the tub's own, {median:.0f} ms apart (median)")
        return _forward_stamps(times, report)
    reason = 'given by --rate'
    if rate_hz is None:
        reason = f"the tub's stamps are {median:.0f} ms apart (median), no camera's period"
    rate = rate_hz or NOMINAL_RATE_HZ
    report.decisions.append(f'stamps: {rate:g} Hz by record number: {reason}')
    return _nominal_stamps(records, rate)


def _forward_stamps(times_ms: list[int], report: Report) -> list[int]:
    """Shift what follows a clock that was set back (a car without a battery clock, started again)."""
    shift, steps, stamps = 0, 0, [times_ms[0]]
    for time in times_ms[1:]:
        if time + shift < stamps[-1]:
            shift = stamps[-1] + int(1000 * RESTART_GAP_S) - time
            steps += 1
        stamps.append(time + shift)
    if steps:
        report.warnings.append(f'the clock went back {steps} times; what follows is put {RESTART_GAP_S:g} s later')
    return [stamp * 10**6 for stamp in stamps]


def _nominal_stamps(records: list[TubRecord], rate_hz: float) -> list[int]:
    """Space the records by their index, with a gap where a new session starts."""
    start_ns, gaps, stamps = records[0].time_ms * 10**6, 0, []
    for before, record in zip([records[0], *records], records, strict=False):
        gaps += record.session != before.session
        stamps.append(start_ns + round(1e9 * ((record.index - records[0].index) / rate_hz + gaps * RESTART_GAP_S)))
    return stamps


def _axes(records: list[TubRecord], imu_axes: str, gyro_unit: str, report: Report) -> Axes | None:
    nothing = (math.nan,) * 6
    imu = np.array([record.imu or nothing for record in records])
    if imu_axes == 'none' or not np.isfinite(imu).any():
        report.decisions.append('IMU: left out as asked' if imu_axes == 'none' else 'IMU: the tub holds none')
        return None
    gyro, accel = imu[:, :3], imu[:, 3:]
    fastest = float(np.nanpercentile(np.abs(gyro), 99))
    if gyro_unit == 'deg' and fastest < SLOW_GYRO:
        report.warnings.append(f'99 % of the gyro is under {fastest:.2g} deg/s; if it is rad/s, give --gyro-unit rad')
    if imu_axes == 'auto':
        steering = np.array([math.nan if record.angle is None else -record.angle for record in records])
        throttle = np.array([math.nan if record.throttle is None else record.throttle for record in records])
        axes = estimate_axes(gyro, accel, steering, throttle)
    else:
        axes = parse_axes(imu_axes)
    report.decisions.append(f'IMU axes: {axes} in sensor axes (determinant +1), gyro in {gyro_unit}/s')
    report.decisions.extend(f'  {reason}' for reason in axes.reasons)
    report.warnings.extend(axes.warnings)
    return axes


def _shown(losses: Counter[str]) -> str:
    return ', '.join(f'{count} {reason}' for reason, count in losses.most_common()) or 'it is empty'
