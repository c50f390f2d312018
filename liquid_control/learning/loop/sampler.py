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

"""From what came with a picture to a sample on disk, or to a reason why not."""
from collections import Counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.learning.loop.pairing import Frame
from liquid_control.learning.loop.recorder import Recorder
from liquid_control.recording.sample_bag import Sample
from liquid_control.sensing.picture import picture_of

MOVING_MPS = 0.05
MAX_STEP_S = 0.1


class Teacher(Protocol):
    """What the sampler asks a teacher."""

    name: str

    def label(self, stamp_ns: int) -> Command | None:
        """Return what is right at that time."""

    def drove(self, stamp_ns: int) -> bool:
        """Tell whether it drove at that time."""


class Circumstances(NamedTuple):
    """What the loop knows of a moment.

    :param labelled: whether the teacher's word is recorded, as it is not in trials on tracks kept for them.
    :param needs_label: whether a picture without it is worth nothing.
    :param policy_able: whether there is a policy from which a teacher takes over; else its driving is no intervention.
    """

    round: int
    state: str
    labelled: bool
    needs_label: bool
    policy_able: bool


class Taken(NamedTuple):
    """A sample that counts: the seconds it stands for, whether the teacher drove, and whether it said what is right."""

    seconds: float
    helped: bool
    labelled: bool


class Sampler:
    """Makes samples and counts.

    :ivar left_out: pictures that became no sample, by reason.
    :ivar refusals: how many of the newest pictures in a row became no sample, and ``refusal`` why.
    :ivar driven_s: seconds that all samples stand for.
    :ivar interventions: how often a teacher took over from a policy.
    """

    def __init__(self, recorder: Recorder, teacher: Teacher) -> None:
        self._recorder, self._teacher = recorder, teacher
        self.left_out: Counter[str] = Counter()
        self.driven_s = 0.0
        self.interventions = self.refusals = 0
        self.refusal = ''
        self._last_ns: int | None = None
        self._intervening = False

    def take(self, frame: Frame, now: Circumstances, obstacle: str) -> Taken | None:
        """Record a frame.

        :param obstacle: why it must not be recorded, empty if it may.
        """
        label = self._teacher.label(frame.stamp_ns) if now.labelled else None
        reason = obstacle or self._reason(frame, label, now)
        if not reason:
            try:
                picture = as_recorded(frame.picture)
            except InputError as error:
                reason = str(error)
        if reason:
            return self._leave_out(reason)
        helped = self._teacher.drove(frame.stamp_ns)
        sample = Sample(
            frame.stamp_ns, picture, frame.imu, label, frame.policy, frame.driven,
            self._teacher.name if helped else 'policy', helped and now.policy_able, self._recorder.next_number,
            now.round, now.state)
        if not self._recorder.write(sample):
            return self._leave_out('recording has stopped')
        self.refusals = 0
        return self._count(sample, helped)

    def _leave_out(self, reason: str) -> None:
        self.left_out[reason] += 1
        self.refusals, self.refusal = self.refusals + 1, reason

    def _reason(self, frame: Frame, label: Command | None, now: Circumstances) -> str:
        if frame.imu is None:
            return 'no IMU sample in the 0.1 s before the picture'
        if frame.driven is not None and abs(frame.driven.speed_mps) < MOVING_MPS:
            return 'the car stood'
        if now.needs_label and label is None:
            return 'the teacher does not know what is right: no odometry of the time of the picture'
        return ''

    def _count(self, sample: Sample, helped: bool) -> Taken:
        step = 0.0 if self._last_ns is None else 1e-9 * (sample.stamp_ns - self._last_ns)
        step = step if 0.0 < step <= MAX_STEP_S else 0.0
        self._last_ns = sample.stamp_ns
        self.interventions += sample.intervention and not self._intervening
        self._intervening = sample.intervention
        self.driven_s += step
        return Taken(step, helped, sample.teacher is not None)


def as_recorded(message: Any) -> bytes | np.ndarray:
    """Return a picture message as it is kept: a compressed one as it came, a raw one as RGB.

    :raises InputError: if the message holds no picture that can be read.
    """
    picture = picture_of(message)
    return bytes(message.data) if hasattr(message, 'format') else picture
