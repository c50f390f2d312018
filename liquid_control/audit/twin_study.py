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

"""What the twins with fixed time constants do where the liquid network drives."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from liquid_control.audit.fleet_drive import Course
from liquid_control.audit.lesions import INTACT, LesionedNetworks
from liquid_control.audit.neuron_record import NeuronRecord
from liquid_control.audit.twin import TWINS, FixedTimeConstants
from liquid_control.policy.driving_policy import DrivingPolicy

LIQUID = 'liquid'


@dataclass(frozen=True)
class TwinLaps:
    """How the network of a name ('liquid' or a kind of twin) drove the tracks under a light."""

    network: str
    light: float
    tracks: int
    completed: int
    progress: float
    mean_abs_lateral_m: float


def twins_of(policy: DrivingPolicy, record: NeuronRecord) -> dict[str, FixedTimeConstants]:
    """Return a twin of each kind, frozen at the mean time constant of each neuron over the record."""
    mean = record.time_constant_s.mean(axis=0, dtype=np.float64) / record.about.period_s
    return {kind: FixedTimeConstants(policy.network, mean, kind) for kind in TWINS}


def steering_on_the_same_input(policy: DrivingPolicy, network: nn.Module, record: NeuronRecord) -> np.ndarray:
    """Return what a network in place of the policy's steers for the features of a record, (T,) rad, limited."""
    features, elapsed = torch.from_numpy(record.features), torch.from_numpy(record.elapsed).view(-1, 1, 1)
    state, steering = policy.initial_state(), np.empty(len(record))
    with torch.inference_mode():
        for tick in range(len(record)):
            if tick and record.sequence[tick] != record.sequence[tick - 1]:
                state = policy.initial_state()
            output, state = network(features[tick:tick + 1], state, elapsed[tick])
            steering[tick] = float((output * policy.gain + policy.bias).clamp(-1.0, 1.0)) * policy.max_steering
    return steering


def laps_of_twins(policy: DrivingPolicy, twins: dict[str, FixedTimeConstants], courses: dict[float, Course],
                  on_progress: Callable[[float], None] = lambda _part: None) -> list[TwinLaps]:
    """Drive the courses (light -> course) with the network and with each twin, in the fast simulator."""
    networks = {LIQUID: LesionedNetworks(policy.network, [INTACT]), **twins}
    rows: list[TwinLaps] = []
    total = len(networks) * len(courses)
    for light, course in courses.items():
        for name, network in networks.items():
            done = len(rows)
            drive = course.drive(policy, network, 1, lambda part, done=done: on_progress((done + part) / total))
            rows.append(TwinLaps(name, light, len(course.tracks), int(drive.completed.sum()),
                                 float(drive.progress.mean()), float(drive.mean_abs_lateral_m()[0])))
    on_progress(1.0)
    return rows
