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

"""Faults of camera and IMU."""
import array
import copy
import itertools
import math
import struct
import time
import zlib
from collections import deque
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from rclpy.qos import qos_profile_sensor_data

from liquid_control.evaluation.faults.table import Fault
from liquid_control.evaluation.faults.verdict import Outcome
from liquid_control.nodes.faults.bench import Bench
from liquid_control.nodes.faults.injection import begun, drive_through, ended, stop_and_go
from liquid_control.nodes.faults.relay import nothing
from liquid_control.sensing.picture import picture_of

ENCODING_S = 1.0
FLOOD = 10
LATE_S = 1.0


def camera_never(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a drive node that never saw a picture."""
    bench.stop_drive()
    bench.relay.picture = nothing
    bench.start_drive()
    bench.until(lambda: fault.says in bench.said('drive'), fault.says)
    begin = begun(bench)
    bench.relay.said.append(bench.said('drive'))
    time.sleep(1.0)
    return ended(bench, fault, begin)


def camera_stale(bench: Bench, fault: Fault) -> Outcome:
    """No picture any more."""
    return stop_and_go(bench, fault, lambda: setattr(bench.relay, 'picture', nothing))


def frozen(bench: Bench, fault: Fault) -> Outcome:
    """One picture."""
    return _repeating(bench, fault, 1)


def frozen_buffers(bench: Bench, fault: Fault) -> Outcome:
    """Inject: the buffers of a driver, in turn."""
    return _repeating(bench, fault, 3)


def _repeating(bench: Bench, fault: Fault, count: int) -> Outcome:
    """Inject: the first ``count`` pictures again and again; the fault begins when the first of them comes again."""
    buffers: list[Any] = []
    bench.relay.picture = lambda message: (buffers.append(message.data) or (message,)) if len(buffers) < count else (
        _with(message, data=buffers[next(turn) % count]),)
    turn = itertools.count()
    bench.until(lambda: len(buffers) == count, 'pictures')
    return stop_and_go(bench, fault, lambda: None)


def imu_stale(bench: Bench, fault: Fault) -> Outcome:
    """No IMU sample any more."""
    return stop_and_go(bench, fault, lambda: setattr(bench.relay, 'imu', nothing))


def imu_old(bench: Bench, fault: Fault) -> Outcome:
    """Inject: the delay grows to a second at once: nothing comes, then old samples do."""
    waiting: deque = deque()

    def late(message):
        now = time.monotonic()
        waiting.append((now, message))
        while waiting and waiting[0][0] < now - LATE_S:
            yield waiting.popleft()[1]
    return stop_and_go(bench, fault, lambda: setattr(bench.relay, 'imu', late), hold_s=2.0 * LATE_S)


def imu_nan_once(bench: Bench, fault: Fault) -> Outcome:
    """Every other sample is none."""
    bad = itertools.cycle((math.nan, None, math.inf, None, -math.inf, None))
    return drive_through(bench, fault, lambda: setattr(bench.relay, 'imu', lambda m: (_turning(m, next(bad)),)), 2.0)


def imu_nan(bench: Bench, fault: Fault) -> Outcome:
    """No sample is one."""
    return stop_and_go(bench, fault, lambda: setattr(bench.relay, 'imu', lambda m: (_turning(m, math.nan),)))


def encoding_unknown(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a name that nobody knows."""
    return _pictures(bench, fault, encoding='thermal9')


def truncated(bench: Bench, fault: Fault) -> Outcome:
    """Half of the data."""
    return stop_and_go(bench, fault, lambda: setattr(
        bench.relay, 'picture', lambda message: (_with(message, data=message.data[:len(message.data) // 2]),)))


def wrong_step(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a step that is none."""
    return _pictures(bench, fault, step=1)


def zero_size(bench: Bench, fault: Fault) -> Outcome:
    """Pictures of nothing."""
    return _pictures(bench, fault, height=0, width=0)


def _pictures(bench: Bench, fault: Fault, **fields: Any) -> Outcome:
    return stop_and_go(
        bench, fault, lambda: setattr(bench.relay, 'picture', lambda message: (_with(message, **fields),)))


ENCODINGS = {
    'bgr8': lambda rgb: rgb[:, :, ::-1],
    'rgba8': lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA),
    'bgra8': lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA),
    'mono8': lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[:, :, None],
    'yuv422': lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_UYVY),
    'yuyv': lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_YUY2),
    'nv12': lambda rgb: _nv12(rgb),
}


def encodings(bench: Bench, fault: Fault) -> Outcome:
    """Every common encoding in turn."""
    def inject() -> None:
        for name in ENCODINGS:
            bench.relay.picture = lambda message, name=name: (_encoded(message, name),)
            time.sleep(ENCODING_S)
    rejected = int(bench.value('pictures_rejected'))
    outcome = drive_through(bench, fault, inject, 0.0)
    more = int(bench.value('pictures_rejected')) - rejected
    return _with_problem(outcome, f'{more} pictures were rejected') if more else outcome


def compressed(bench: Bench, fault: Fault) -> Outcome:
    """Inject: the camera restarts with JPEG; the fault is over when raw pictures come again."""
    def inject() -> None:
        bench.relay.picture = nothing
        bench.relay.compress()
        bench.relay.picture = lambda message: (_jpeg(message),)

    begin = begun(bench)
    inject()
    stopped = bench.waits(lambda: bench.zero_s(begin, time.monotonic()) is not None, 2.0)
    zero_s = bench.zero_s(begin, time.monotonic()) if stopped else None
    drove = bench.waits(lambda: stopped and bench.moves_since(begin + zero_s), 5.0)
    outcome = ended(bench, fault, begin, bench.relay.decompress)
    outcome.zero_s = zero_s
    return outcome if drove else _with_problem(outcome, 'JPEG pictures were not driven by')


def resolution(bench: Bench, fault: Fault) -> Outcome:
    """Three other sizes, one after the other."""
    def inject() -> None:
        for width, height in ((96, 72), (384, 288), (141, 107)):
            bench.relay.picture = lambda message, size=(width, height): (_resized(message, *size),)
            time.sleep(ENCODING_S)
    return drive_through(bench, fault, inject, 0.0)


def stamps_zero(bench: Bench, fault: Fault) -> Outcome:
    """No stamps."""
    return _stamped(bench, fault, lambda stamp: 0)


def stamps_future(bench: Bench, fault: Fault) -> Outcome:
    """Stamps of a clock that is ahead."""
    return _stamped(bench, fault, lambda seconds: seconds + 100)


def _stamped(bench: Bench, fault: Fault, change) -> Outcome:
    def stamp(message):
        message.header.stamp.sec = change(message.header.stamp.sec)
        message.header.stamp.nanosec *= message.header.stamp.sec > 0
        return (message,)

    def inject() -> None:
        bench.relay.picture = bench.relay.imu = stamp
    outcome = drive_through(bench, fault, inject, 2.0)
    lines = [line for line in bench.drive.log.read_text().splitlines() if f'picture {fault.says}' in line
             or ('picture stamps are' in line and fault.says in line)]
    return outcome if len(lines) == 1 else _with_problem(outcome, f'said {len(lines)} times instead of once')


def flood(bench: Bench, fault: Fault) -> Outcome:
    """Ten messages for one; the rate must stay."""
    def inject() -> None:
        bench.relay.picture = bench.relay.imu = lambda message: [message] * FLOOD
    begin = len(bench.relay.commands)
    outcome = drive_through(bench, fault, inject, 4.0)
    rate = (len(bench.relay.commands) - begin) / 4.0
    outcome.notes.append(f'{rate:.1f} commands a second')
    return outcome


def bomb(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a small PNG with a large size in its header."""
    header = struct.pack('>IIBBBBB', 32000, 32000, 8, 2, 0, 0, 0)
    chunk = b'IHDR' + header
    data = (b'\x89PNG\r\n\x1a\n' + struct.pack('>I', len(header)) + chunk + struct.pack('>I', zlib.crc32(chunk))
            + b'\x00\x00\x00\x00IEND\xaeB`\x82')

    def inject() -> None:
        bench.relay.picture = nothing
        bench.relay.compress()
        bench.relay.picture = lambda message: (CompressedImage(header=message.header, format='png', data=data),)
    return stop_and_go(bench, fault, inject, hold_s=3.0, end=bench.relay.decompress)


def two_cameras(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a second camera that publishes nothing is enough to be told."""
    other = bench.relay.create_publisher(Image, 'camera/image_raw', qos_profile_sensor_data)
    return drive_through(bench, fault, lambda: None, 2.5, lambda: bench.relay.destroy_publisher(other))


def _with(message: Any, **fields: Any) -> Any:
    changed = copy.copy(message)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _with_problem(outcome: Outcome, problem: str) -> Outcome:
    outcome.problems.append(problem)
    return outcome


def _turning(message: Any, value: float | None) -> Any:
    if value is not None:
        message.angular_velocity.z = value
    return message


def _image(message: Image, encoding: str, pixels: np.ndarray, height: int) -> Image:
    changed = Image(header=message.header, encoding=encoding, height=height, width=pixels.shape[1])
    changed.step = pixels.nbytes // pixels.shape[0]
    changed.data = array.array('B', np.ascontiguousarray(pixels).tobytes())
    return changed


def _encoded(message: Image, name: str) -> Image:
    return _image(message, name, ENCODINGS[name](picture_of(message)), message.height)


def _nv12(rgb: np.ndarray) -> np.ndarray:
    """Return the luma plane (H, W) with the interleaved chroma (H / 2, W) below it."""
    height, width = rgb.shape[:2]
    planar = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    chroma = planar[height:].reshape(2, -1)
    return np.vstack((planar[:height], np.stack(tuple(chroma), axis=1).reshape(height // 2, width)))


def _jpeg(message: Image) -> CompressedImage:
    data = cv2.imencode('.jpg', cv2.cvtColor(picture_of(message), cv2.COLOR_RGB2BGR))[1].tobytes()
    return CompressedImage(header=message.header, format='rgb8; jpeg compressed bgr8', data=data)


def _resized(message: Image, width: int, height: int) -> Image:
    return _image(message, 'rgb8', cv2.resize(picture_of(message), (width, height)), height)
