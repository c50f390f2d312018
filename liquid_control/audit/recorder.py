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

"""A driver that writes down what every neuron does."""
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from liquid_control.audit.neuron_record import About, NeuronRecord
from liquid_control.audit.time_constants import time_constants
from liquid_control.policy.compiling import MAX_ELAPSED_PERIODS
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.networks import SPIKING_UNITS


@dataclass(frozen=True)
class Decision:
    """Steering in rad, left positive, and speed in m/s."""

    steering_rad: float
    speed_mps: float


class Recorder:
    """Drives as ``policy.compiling.Runner`` does and keeps features, states, pictures and commands of each tick."""

    def __init__(self, policy: DrivingPolicy) -> None:
        self._policy = policy
        self._sequence = -1
        self._rows: list[tuple] = []
        self.pictures: list[np.ndarray] = []
        self.reset()

    def reset(self) -> None:
        """Forget what was seen: the next tick begins a new stretch."""
        self._state = self._policy.initial_state()
        self._sequence += 1

    def step(self, picture: np.ndarray, imu: np.ndarray, elapsed_s: float) -> Decision:
        """Answer a picture uint8 (H, W, 3) with its IMU sample (6,), ``elapsed_s`` after the last, and write it down.

        The same as ``DrivingPolicy.forward``, with what the network was given kept.
        """
        policy = self._policy
        elapsed = min(elapsed_s / policy.spec.period_s, MAX_ELAPSED_PERIODS)
        motion = torch.from_numpy(np.asarray(imu, np.float32))[None]
        with torch.inference_mode():
            seen = policy.head(policy.retina(torch.from_numpy(picture)[None]))
            features = torch.cat((seen, policy.imu_features(motion)), 1)
            output, self._state = policy.network(features, self._state, torch.full((1, 1), elapsed))
            share = float((output * policy.gain + policy.bias).clamp(-1.0, 1.0))
        steering = share * policy.max_steering
        self._rows.append((
            elapsed, features[0].numpy(), self._state[0].numpy(), steering, policy.speed,
            picture.mean(dtype=np.float64) / 255.0, np.asarray(imu, np.float32), self._sequence))
        self.pictures.append(picture)
        return Decision(steering, policy.speed)

    def record(self, about: About, time_s: np.ndarray, x_m: np.ndarray, y_m: np.ndarray, lateral_m: np.ndarray,
               human: np.ndarray) -> NeuronRecord:
        """Return what was written down; the arrays (T,) are as in ``NeuronRecord``."""
        elapsed, features, states, steering, speed, brightness, imu, sequence = (
            np.array(column) for column in zip(*self._rows, strict=True))
        record = NeuronRecord(
            about, time_s, sequence, elapsed.astype(np.float32), features, states, steering.astype(np.float32),
            speed.astype(np.float32), np.zeros((len(states), 0), np.float32), brightness.astype(np.float32), imu,
            x_m, y_m, lateral_m, human)
        return with_time_constants(record, self._policy)


def replay(policy: DrivingPolicy, about: About, like: NeuronRecord, pictures: np.ndarray,
           on_tick: Callable[[int], None] = lambda _tick: None) -> NeuronRecord:
    """Show a policy pictures (T, H, W, 3) in place of those of a record, with its IMU, elapsed times and gaps."""
    recorder = Recorder(policy)
    seconds = like.elapsed.astype(np.float64) * like.about.period_s
    for tick, picture in enumerate(pictures):
        if tick and like.sequence[tick] != like.sequence[tick - 1]:
            recorder.reset()
        recorder.step(picture, like.imu[tick], float(seconds[tick]))
        on_tick(tick)
    return recorder.record(about, like.time_s, like.x_m, like.y_m, like.lateral_m, like.human)


def with_time_constants(record: NeuronRecord, policy: DrivingPolicy) -> NeuronRecord:
    """Return the record with the time constants of its ticks."""
    periods = time_constants(policy.network, record.features, record.states, record.before)
    return record if periods is None else replace(record, time_constant_s=periods * np.float32(policy.spec.period_s))


def neuron_names(policy: DrivingPolicy) -> list[str]:
    """Return a name for each column of a policy's state, such as 'command 3'."""
    if policy.spec.wiring is not None:
        return [f'{kind} {neuron}' for neuron, kind in enumerate(policy.spec.wiring['neuron_types'])]
    size = policy.network.state_size
    if policy.spec.cell == 'lstm':
        return [f'{kind} {unit}' for kind in ('hidden', 'memory') for unit in range(size // 2)]
    if policy.spec.cell == 'spiking':
        units = range(SPIKING_UNITS)
        return [f'{kind} {unit}' for kind in ('membrane', 'adaptation') for unit in units] + ['readout']
    return [f'hidden {unit}' for unit in range(size)]
