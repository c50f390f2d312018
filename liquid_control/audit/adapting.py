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

"""How the time constants move along a drive, and what they do when it is seen in another light."""
import numpy as np

from liquid_control.audit.neuron_record import About, NeuronRecord
from liquid_control.audit.recorder import replay
from liquid_control.evaluation.conditions import Condition
from liquid_control.policy.driving_policy import DrivingPolicy

LIGHTS = (Condition('brightness', 0.3), Condition('shadow'))


def swing(values: np.ndarray) -> np.ndarray:
    """Return how far time constants (T, U) move along a drive, (U,): 95th over 5th percentile."""
    low, high = np.percentile(values, (5.0, 95.0), axis=0)
    return high / np.maximum(low, 1e-12)


def relit(pictures: np.ndarray, condition: Condition, seed: int = 0) -> np.ndarray:
    """Return pictures uint8 (T, H, W, 3) under another light, one after the other."""
    fault = condition.camera_fault(np.random.default_rng(seed))
    return np.stack([fault.apply(picture) for picture in pictures])


def in_another_light(policy: DrivingPolicy, about: About, record: NeuronRecord, pictures: np.ndarray,
                     condition: Condition) -> NeuronRecord:
    """Return what the network does when the drive is shown to it again under another light."""
    return replay(policy, about, record, relit(pictures, condition))


def change_of_time_constants(record: NeuronRecord, other: NeuronRecord) -> np.ndarray:
    """Return by how much the time constants of another replay differ, (U,): mean of |tau' / tau - 1|."""
    return np.abs(other.time_constant_s / record.time_constant_s - 1.0).mean(axis=0)
