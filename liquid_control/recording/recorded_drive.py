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

"""Recorded drives as arrays: pictures, IMU and the human's steering of a bag, paired by their stamps."""
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.recording.bag import (
    ACKERMANN, COMPRESSED, DIAGNOSTICS, HEADER_BYTES, IMAGE, IMU, JOY, TWIST, TWIST_STAMPED, Bag, Topic,
    header_stamp_ns, open_bag)
from liquid_control.recording.sample import SAMPLE_TOPIC
from liquid_control.sensing.imu import imu_vector
from liquid_control.sensing.picture import picture_of
from liquid_control.simulation.car import default_car

CAMERA_NAMES = ('camera/image_raw', 'camera/image_raw/compressed', 'image_raw', 'image_raw/compressed')
IMU_NAMES = ('imu/data_raw', 'imu/data', 'imu')
CONTROLS_NAMES = ('human_controls',)
COMMAND_NAMES = ('cmd_vel_teleop', 'cmd_vel', 'drive')
COMMAND_KINDS = (TWIST_STAMPED, ACKERMANN, TWIST)
MAX_CLOCK_DIFFERENCE_NS = 10 * 10**9
MIN_SPEED_MPS = 0.05


@dataclass(frozen=True)
class RecordedDrive:
    """N pictures and what was measured and commanded with each.

    :param pictures: uint8 [N, H, W, 3] RGB.
    :param imu: float32 [N, 6], gyro rad/s and acceleration m/s^2, REP-103 axes; zeros if ``has_imu`` is False.
    :param steering: float32 [N] in -1..1 of the car's steering limit, left positive.
    :param stamps: float64 [N], seconds, never going back.
    :param throttle: float32 [N], throttle in -1..1 or speed in m/s, as commanded: above 0 is forwards.
    :param left_out: how many pictures were left out, by reason.
    """

    name: str
    pictures: np.ndarray
    imu: np.ndarray
    steering: np.ndarray
    stamps: np.ndarray
    throttle: np.ndarray
    has_imu: bool
    left_out: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.stamps)

    def part(self, start: int, stop: int) -> 'RecordedDrive':
        """Return pictures start..stop-1 as a drive of its own (views, no copies)."""
        return replace(self, pictures=self.pictures[start:stop], imu=self.imu[start:stop],
                       steering=self.steering[start:stop], stamps=self.stamps[start:stop],
                       throttle=self.throttle[start:stop])


def load_drive(path: str | Path) -> RecordedDrive:
    """Read a bag with a camera, a human's commands and, if there is one, an IMU.

    Steering is what the teacher said in a bag of samples (``sample_bag``), or else read from ``human_controls`` (what
    import-tub writes) or a velocity or Ackermann command, scaled by the car's steering limit. IMU sample and command
    are those nearest to the picture, at most half a picture period away; a picture without them is left out and
    counted.

    :raises InputError: if the path is no bag or lacks a topic, or if no picture is left.
    """
    with open_bag(path) as bag:
        camera, imu, steering = camera_topic(bag), imu_topic(bag), _read_steering(bag)
        if not len(steering[0]):
            raise InputError(f"bag '{path}' holds samples of which no teacher said anything; let one drive or correct")
        shots = np.array([stamp_ns(data, log) for _, log, data in bag.raw_messages([camera])], np.int64)
        left_out: Counter[str] = Counter()
        keep = _in_order(shots, left_out)
        tolerance = 0.5 * float(np.median(np.diff(shots[keep]))) if keep.sum() > 1 else 0.0
        commanded = _paired(shots, *steering, tolerance, keep, 'no command within half a period', left_out)
        still = keep & ~np.isfinite(commanded[:, 0])
        left_out['the car stood: its velocity command tells no steering angle'] += int(still.sum())
        keep &= ~still
        if imu is None:
            samples = np.zeros((len(shots), 6), np.float32)
        else:
            imu_times, values = _read_imu(bag, imu)
            samples = _paired(shots, imu_times, values, tolerance, keep, 'no IMU sample within half a period', left_out)
            wrong = keep & ~np.isfinite(samples).all(1)
            left_out['the IMU sample is unusable'] += int(wrong.sum())
            keep &= ~wrong
        pictures = _read_pictures(bag, camera, keep, left_out)
    if not pictures:
        reasons = ', '.join(f'{count} {reason}' for reason, count in left_out.items() if count)
        raise InputError(f"bag '{path}' leaves no picture to use ({reasons}); record camera, IMU and command together")
    return RecordedDrive(Path(path).name, np.stack(pictures), samples[keep].astype(np.float32),
                         commanded[keep, 0].astype(np.float32), 1e-9 * shots[keep],
                         commanded[keep, 1].astype(np.float32), imu is not None, +left_out)


def camera_topic(bag: Bag) -> Topic:
    """Return the camera's topic, raw or compressed.

    :raises InputError: that names the topics found, if there is none.
    """
    return bag.require('camera', CAMERA_NAMES, (IMAGE, COMPRESSED))


def imu_topic(bag: Bag) -> Topic | None:
    """Return the IMU's topic, if there is one."""
    return bag.find(IMU_NAMES, (IMU,))


def human_steering(path: str | Path, stamps_ns: np.ndarray) -> np.ndarray:
    """Return the human's steering in -1..1 at each stamp [N], NaN where it is unknown.

    :raises InputError: if the path is no bag.
    """
    with open_bag(path) as bag:
        if _steering_topic(bag) is None or len(stamps_ns) < 2:
            return np.full(len(stamps_ns), math.nan)
        times, values = _read_steering(bag)
    if not len(times):
        return np.full(len(stamps_ns), math.nan)
    keep = np.ones(len(stamps_ns), bool)
    steering = _paired(stamps_ns, times, values[:, 0], 0.5 * float(np.median(np.diff(stamps_ns))), keep, '', Counter())
    return np.where(keep, steering, math.nan)


def split_sequences(stamps: np.ndarray, max_gap_s: float = 1.0) -> list[slice]:
    """Return the stretches of pictures [N] that have no gap above ``max_gap_s`` inside."""
    cuts = np.flatnonzero(np.diff(stamps) > max_gap_s) + 1
    edges = [0, *cuts.tolist(), len(stamps)]
    return [slice(start, stop) for start, stop in zip(edges, edges[1:], strict=False) if stop > start]


def training_split(drive: RecordedDrive, fraction: float = 0.8) -> tuple[RecordedDrive, RecordedDrive]:
    """Return the first ``fraction`` of a drive, to learn from, and the rest, to test with.

    :raises InputError: if either would be empty.
    """
    cut = int(fraction * len(drive))
    if not 0 < cut < len(drive):
        size = f"drive '{drive.name}' of {len(drive)} pictures"
        raise InputError(f'{size} cannot be split at {fraction:g}; record a longer one')
    return drive.part(0, cut), drive.part(cut, len(drive))


def smooth_labels(steering: np.ndarray, frames: int = 5, sequences: list[slice] | None = None) -> np.ndarray:
    """Return the mean over ``frames`` neighbours of each label [N], for steering that knows only left, straight, right.

    The window is centred and shorter at the ends of each sequence (by default all labels are one).
    """
    smooth = np.empty_like(steering)
    for part in sequences or [slice(0, len(steering))]:
        labels = steering[part]
        window = np.ones(min(frames, 2 * len(labels) - 1))
        full = np.convolve(labels, window, 'full'), np.convolve(np.ones(len(labels)), window, 'full')
        start = len(window) // 2
        smooth[part] = (full[0] / full[1])[start:start + len(labels)]
    return smooth


def stamp_ns(data: bytes, log_time_ns: int) -> int:
    """Return the header stamp of a message in CDR in ns, or its log time if the stamp cannot be meant."""
    stamp = header_stamp_ns(data) if len(data) >= HEADER_BYTES else 0
    return stamp if abs(stamp - log_time_ns) < MAX_CLOCK_DIFFERENCE_NS else log_time_ns


def _in_order(shots: np.ndarray, left_out: Counter[str]) -> np.ndarray:
    """Return which pictures come after all pictures before them."""
    newest = np.maximum.accumulate(shots) if len(shots) else shots
    keep = np.concatenate(([True], shots[1:] > newest[:-1])) if len(shots) else np.zeros(0, bool)
    left_out['the stamp is not after the one before'] += int((~keep).sum())
    return keep


def _paired(shots: np.ndarray, times: np.ndarray, values: np.ndarray, tolerance: float, keep: np.ndarray, reason: str,
            left_out: Counter[str]) -> np.ndarray:
    """Return the values nearest to the pictures; where they are too far away, clear ``keep`` and count it."""
    if not len(times):
        left_out[reason] += int(keep.sum())
        keep[:] = False
        return np.full((len(shots), *values.shape[1:]), math.nan)
    order = np.argsort(times, kind='stable')
    times, values = times[order], values[order]
    after = np.clip(np.searchsorted(times, shots), 1, max(len(times) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(times) - 1)
    nearest = np.where(np.abs(times[before] - shots) <= np.abs(times[after] - shots), before, after)
    far = keep & (np.abs(times[nearest] - shots) > tolerance)
    left_out[reason] += int(far.sum())
    keep &= ~far
    return values[nearest]


def _read_imu(bag: Bag, topic: Topic) -> tuple[np.ndarray, np.ndarray]:
    times, values = [], []
    for _, log, data in bag.raw_messages([topic]):
        times.append(stamp_ns(data, log))
        try:
            values.append(imu_vector(bag.decode(topic, data)))
        except InputError:
            values.append(np.full(6, math.nan, np.float32))
    return np.array(times, np.int64), np.array(values, np.float32).reshape(-1, 6)


def _steering_topic(bag: Bag) -> Topic | None:
    samples = bag.find((SAMPLE_TOPIC.strip('/'),), (DIAGNOSTICS,), by_kind=False)
    return samples or bag.find(CONTROLS_NAMES, (JOY,), by_kind=False) or bag.find(COMMAND_NAMES, COMMAND_KINDS)


def _read_steering(bag: Bag) -> tuple[np.ndarray, np.ndarray]:
    """Return the times [M] in ns and the commands [M, 2]: steering, throttle or speed."""
    topic = _steering_topic(bag)
    if topic is None:
        topic = bag.require('command', CONTROLS_NAMES + COMMAND_NAMES, (JOY, *COMMAND_KINDS))
    times, values = [], []
    for _, log, data in bag.raw_messages([topic]):
        command = _command(topic.kind, bag.decode(topic, data))
        if command is not None:
            times.append(log if topic.kind == TWIST else stamp_ns(data, log))
            values.append(command)
    return np.array(times, np.int64), np.array(values, np.float64)


def _command(kind: str, message: object) -> tuple[float, float] | None:
    """Return a command, None if absent: steering in -1..1, NaN if it tells none, and throttle or speed."""
    if kind == DIAGNOSTICS:
        values = {pair.key: pair.value for pair in message.status[0].values}
        if 'teacher_steering_rad' not in values:
            return None
        share = float(values['teacher_steering_rad']) / default_car().max_steering_rad
        forward = float(values.get('teacher_speed_mps', math.nan))
    elif kind == JOY:
        share, forward = (*map(float, message.axes[:2]), math.nan, math.nan)[:2]
    elif kind == ACKERMANN:
        share, forward = message.drive.steering_angle / default_car().max_steering_rad, message.drive.speed
    else:
        twist = message.twist if kind == TWIST_STAMPED else message
        share, forward = steering_of_twist(twist.linear.x, twist.angular.z), twist.linear.x
    return max(-1.0, min(1.0, share)) if math.isfinite(share) else math.nan, forward


def steering_of_twist(speed_mps: float, yaw_rate_radps: float) -> float:
    """Return the steering, 1 = the car's limit to the left, that turns at this rate; NaN if the car stands.

    yaw rate = v tan(delta) / L of the kinematic bicycle.
    """
    if abs(speed_mps) < MIN_SPEED_MPS:
        return math.nan
    car = default_car()
    return math.atan(car.wheelbase_m * yaw_rate_radps / speed_mps) / car.max_steering_rad


def _read_pictures(bag: Bag, topic: Topic, keep: np.ndarray, left_out: Counter[str]) -> list[np.ndarray]:
    """Decode the wanted pictures; where that fails, clear ``keep`` and count it."""
    pictures: list[np.ndarray] = []
    for place, (_, _, data) in enumerate(bag.raw_messages([topic])):
        if not keep[place]:
            continue
        try:
            picture = picture_of(bag.decode(topic, data))
        except InputError:
            picture, reason = None, 'the picture is corrupt or of an unknown encoding'
        if picture is not None and pictures and picture.shape != pictures[0].shape:
            picture, reason = None, 'the picture is of another size than the first'
        if picture is None:
            keep[place] = False
            left_out[reason] += 1
        else:
            pictures.append(picture)
    return pictures
