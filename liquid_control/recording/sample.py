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

"""The sample: one picture with all that belongs to it."""
from dataclasses import dataclass

import numpy as np

from liquid_control.driving.command import Command
from liquid_control.errors import InputError

CAMERA_TOPIC, IMU_TOPIC = '/camera/image_raw/compressed', '/imu/data_raw'
TEACHER_TOPIC, POLICY_TOPIC, DRIVEN_TOPIC = '/teacher/cmd_vel', '/policy/cmd_vel', '/cmd_vel'
SAMPLE_TOPIC, EVENT_TOPIC = '/trainer/sample', '/trainer/event'
DRIVERS = ('expert', 'human', 'policy')


class RecordingError(InputError):
    """Recording cannot go on; all that was written before is whole."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture and what was measured, said and driven with it.

    :param stamp_ns: of the picture; everything else is paired with it.
    :param picture: a JPEG or PNG file as the camera sent it, or uint8 [H, W, 3] RGB, which is kept as JPEG.
    :param imu: [6] rad/s and m/s^2, REP-103 axes: the newest at the picture; None if there was none.
    :param teacher: what the teacher says is right here; None where it says nothing.
    :param policy: the policy's own answer; None if it gave none.
    :param driven: what the car was told; None if nothing.
    :param driver: who drove: 'expert', 'human' or 'policy'.
    :param intervention: whether a teacher had taken over from the policy.
    :param number: of the sample, counted over all sessions.
    :param round, state: of the loop of learning when the picture was taken.
    """

    stamp_ns: int
    picture: bytes | np.ndarray
    imu: np.ndarray | None
    teacher: Command | None
    policy: Command | None
    driven: Command | None
    driver: str
    intervention: bool
    number: int
    round: int
    state: str
