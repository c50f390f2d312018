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

"""What can go wrong on a driving car, and what must follow: the list that ``liquid-control faults`` goes through.

Rows 1 to 28 are the faults that every learned drive node should survive; from 29 on is what was found beside them.
"""
from dataclasses import dataclass

from liquid_control.driving.frozen import IDENTICAL_PICTURES
from liquid_control.driving.health import OVERRUNS
from liquid_control.driving.phase_lock import LATE
from liquid_control.simulation.car import default_car

PERIOD_S = 1.0 / 30.0
CAMERA_S = IMU_S = CLOCK_S = 0.1
"""Timeouts of the drive node, by default."""
FROZEN_S = IDENTICAL_PICTURES * PERIOD_S
AT_ONCE_S = 0.0
DOWNSTREAM_S = default_car().command_timeout_s
"""The simulators brake when no command came for so long."""
SLOW_STEP_S = 0.06
SLOW_S = OVERRUNS * (CAMERA_S + (1.0 + LATE) * PERIOD_S)
"""So many answers in a row may be slow, each less than a picture may be old, each a tick after the one before."""
RECOVERY_S = 3.0
COMPILED_S = 30.0
"""Until another policy is read, compiled and warmed up beside one that is busy."""


@dataclass(frozen=True)
class Fault:
    """One way in which something goes wrong.

    :param row: number in the list.
    :param name: of the script that injects it.
    :param injected: what is done to the nodes, in words.
    :param budget_s: a zero command must come within this and two control periods, and stay; None: no stop is allowed.
    :param says: what the diagnostics, or the log, must say.
    :param recovers: whether the car must drive on by itself when the fault is over.
    :param recovery_s: within this time.
    :param exit_code: with which the node must end; None: it must live on.
    """

    row: int
    name: str
    injected: str
    budget_s: float | None = None
    says: str = ''
    recovers: bool = True
    exit_code: int | None = None
    recovery_s: float = RECOVERY_S


FAULTS = (
    Fault(2, 'camera_never', 'a drive node starts, no picture comes', AT_ONCE_S,
          'no camera message on /camera/image_raw'),
    Fault(1, 'camera_stale', 'pictures stop', CAMERA_S, 'camera is stale'),
    Fault(3, 'frozen', 'one picture again and again, with fresh stamps', FROZEN_S, 'camera is frozen'),
    Fault(3, 'frozen_buffers', 'three pictures in turn, with fresh stamps', FROZEN_S, 'camera is frozen'),
    Fault(4, 'imu_stale', 'IMU samples stop', IMU_S, 'IMU is stale'),
    Fault(4, 'imu_old', 'IMU samples come a second late', IMU_S, 'IMU is stale'),
    Fault(5, 'imu_nan_once', 'every other IMU sample holds NaN or infinity'),
    Fault(5, 'imu_nan', 'every IMU sample holds NaN', IMU_S, 'IMU sample holds'),
    Fault(6, 'encoding_unknown', "pictures of encoding 'thermal9'", CAMERA_S, 'supported: rgb8, bgr8'),
    Fault(7, 'encodings', 'pictures as bgr8, rgba8, bgra8, mono8, yuv422, yuyv, nv12, a second each'),
    Fault(7, 'compressed', 'the camera changes from raw to JPEG pictures', CAMERA_S, ''),
    Fault(8, 'truncated', 'pictures with half of their data', CAMERA_S, 'picture is truncated'),
    Fault(8, 'wrong_step', 'pictures with a step of 1', CAMERA_S, 'step of 1 bytes'),
    Fault(8, 'zero_size', 'pictures of 0 x 0 pixels', CAMERA_S, 'size 0x0'),
    Fault(9, 'resolution', 'pictures of half, double and odd size, one after the other'),
    Fault(10, 'clock_back', '/clock and stamps jump 900 s back', AT_ONCE_S, ''),
    Fault(11, 'clock_forward', '/clock and stamps jump 50 s forward; at most 4 commands may come in the next 0.1 s'),
    Fault(11, 'clock_pause', '/clock stops, pictures and IMU go on', CLOCK_S, '/clock stands still'),
    Fault(11, 'simulator_pause', 'the simulator is held (SIGSTOP)', CLOCK_S, '/clock stands still'),
    Fault(12, 'stamps_zero', 'stamps of pictures and IMU are zero', None, 'stamps are zero'),
    Fault(12, 'stamps_future', 'stamps of pictures and IMU are 100 s ahead', None, 's in the future'),
    Fault(16, 'policy_nan', 'a policy with finite weights that computes NaN takes over', AT_ONCE_S,
          'policy output is not finite', recovery_s=COMPILED_S),
    Fault(17, 'limits', 'max_speed_mps = 1 and max_steering_rate_radps = 0.1 while the policy wants more', None, ''),
    Fault(18, 'parameters', 'twelve values that no parameter takes', None, ''),
    Fault(19, 'flood', 'ten times as many pictures and IMU samples', None, ''),
    Fault(20, 'policy_slow', f'each answer takes {1e3 * SLOW_STEP_S:.0f} ms or more', SLOW_S, 'policy is too slow',
          recovery_s=COMPILED_S),
    Fault(20, 'policy_hangs', 'each answer takes 150 ms or more', CAMERA_S, 'policy is too slow',
          recovery_s=COMPILED_S),
    Fault(24, 'takeover', 'a human commands 0.5 m/s; wins within a period', None, 'a human drives'),
    Fault(25, 'policy_written', 'a policy is written into the file in use, half, whole and torn', None, 'swaps'),
    Fault(13, 'policy_missing', 'a second node is given no file, an empty one, a torn one', None, 'is not a file',
          False),
    Fault(14, 'policy_foreign', 'a second node is given a wrong hash, schema, shape', None, 'SHA-256', False),
    Fault(15, 'policy_hostile', 'a second node is given pickles and a TorchScript that write a file when opened', None,
          'is code', False),
    Fault(28, 'two_nodes', 'a second drive node is configured', None, '2 publishers on /cmd_vel'),
    Fault(23, 'network_cut', 'commands do not reach the car any more', DOWNSTREAM_S, ''),
    Fault(30, 'bomb', 'PNG pictures that ask for 3 GB', CAMERA_S, 'outside 1 to'),
    Fault(31, 'held', 'the drive node is held for a second (SIGSTOP)', DOWNSTREAM_S, ''),
    Fault(32, 'two_cameras', 'a second camera publishes', None, '2 publishers on /camera/image_raw'),
    Fault(33, 'random_parameters', '300 random values for random parameters', None, ''),
    Fault(26, 'disk_full', 'the disk of the trainer is full', None, 'recording'),
    Fault(27, 'trainer_killed', 'the trainer is killed while it writes', None, ''),
    Fault(21, 'exception', 'a callback of the drive node raises', AT_ONCE_S, 'internal error', False),
    Fault(22, 'sigint', 'SIGINT to the drive node', AT_ONCE_S, '', False, 0),
    Fault(22, 'sigterm', 'SIGTERM to the drive node', AT_ONCE_S, '', False, 0),
    Fault(29, 'sighup', 'SIGHUP to the drive node', AT_ONCE_S, '', False, 0),
    Fault(23, 'sigkill', 'SIGKILL to the drive node', DOWNSTREAM_S, '', False, -9),
)
