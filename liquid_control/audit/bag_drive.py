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

"""A policy run over a recorded drive, open loop, with every neuron written down."""
from collections.abc import Callable

import numpy as np

from liquid_control.audit.neuron_record import About, NeuronRecord
from liquid_control.audit.recorder import Recorder
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.recording.recorded_drive import RecordedDrive, split_sequences

MAX_GAP_S = 1.0


def drive_bag(policy: DrivingPolicy, about: About, drive: RecordedDrive,
              on_tick: Callable[[int], None] = lambda _tick: None) -> NeuronRecord:
    """Show a policy the pictures of a recorded drive in order, as ``evaluation.open_loop`` does.

    The elapsed time is that between the stamps; a gap above one second resets the network.
    """
    recorder = Recorder(policy)
    for number, part in enumerate(split_sequences(drive.stamps, MAX_GAP_S)):
        if number:
            recorder.reset()
        elapsed = np.diff(drive.stamps[part], prepend=drive.stamps[part.start] - policy.spec.period_s)
        for place, seconds in zip(range(part.start, part.stop), elapsed.tolist(), strict=True):
            recorder.step(drive.pictures[place], drive.imu[place], seconds)
            on_tick(place)
    unknown = np.full(len(drive), np.nan)
    human = drive.steering.astype(np.float64)
    return recorder.record(about, drive.stamps - drive.stamps[0], unknown, unknown, unknown, human)
