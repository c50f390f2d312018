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

"""What a command would have been without a neuron, without a synapse, without a part of the picture.

An effect is the command as it was minus the command without, in rad: above 0 where the part turned the car to the left.
It is computed by running the tick again from the same state, all variants side by side. A silenced neuron is held at 0,
a cut synapse brings nothing, a covered part of the picture shows what a strong blur leaves of it.
"""
import cv2
import numpy as np
import torch

from liquid_control.audit.contributions import Circuit
from liquid_control.policy.driving_policy import DrivingPolicy

TILE_PX = 8
"""Side of a part of the picture, in pixels of what the vision head sees."""
BLUR_PX = 12.0


def neuron_effects(circuit: Circuit, features: np.ndarray, state: np.ndarray, elapsed: float) -> np.ndarray:
    """Return the effect on the command of each neuron, (U,) rad.

    :param features: (I,); ``state``: (U,) before the tick; ``elapsed``: nominal periods.
    """
    held = np.concatenate([np.zeros((1, circuit.units), bool), np.eye(circuit.units, dtype=bool)])
    steering = circuit.tick(features, state, elapsed, held=held).steering_rad
    return steering[0] - steering[1:]


def synapse_effects(circuit: Circuit, features: np.ndarray, state: np.ndarray,
                    elapsed: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the effects on the command of the sensory synapses (M,) and of those between neurons (N,), rad."""
    many, few = len(circuit.sensory.source), len(circuit.inner.source)
    cut = np.concatenate([np.ones((1, many + few)), 1.0 - np.eye(many + few)])
    steering = circuit.tick(features, state, elapsed, cut[:, :many], cut[:, many:]).steering_rad
    effects = steering[0] - steering[1:]
    return effects[:many], effects[many:]


def feature_effects(circuit: Circuit, features: np.ndarray, state: np.ndarray, elapsed: float) -> np.ndarray:
    """Return the effect on the command of each sensory feature, (I,) rad: of all its synapses together."""
    cut = np.ones((circuit.inputs + 1, len(circuit.sensory.source)))
    cut[1 + circuit.sensory.source, np.arange(len(circuit.sensory.source))] = 0.0
    steering = circuit.tick(features, state, elapsed, sensory_open=cut).steering_rad
    return steering[0] - steering[1:]


def covered_features(policy: DrivingPolicy, picture: np.ndarray, imu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the features (I,) of a picture, and (rows, columns, I) with one part of it after another covered.

    :param picture: uint8 (H, W, 3) RGB; ``imu``: (6,).
    """
    with torch.inference_mode():
        small = policy.retina.resize(torch.from_numpy(picture)[None])[0].permute(1, 2, 0).numpy()
        blurred = cv2.GaussianBlur(small, (0, 0), BLUR_PX)
        rows, columns = (-(-side // TILE_PX) for side in small.shape[:2])
        shown = np.repeat(small[None], 1 + rows * columns, 0)
        for place in range(rows * columns):
            top, left = (TILE_PX * part for part in divmod(place, columns))
            tile = np.s_[top:top + TILE_PX, left:left + TILE_PX]
            shown[1 + place][tile] = blurred[tile]
        pictures = torch.from_numpy(shown).permute(0, 3, 1, 2)
        visual = policy.head(policy.retina.whiten(pictures))
        motion = policy.imu_features(torch.from_numpy(np.asarray(imu, np.float32))[None]).expand(len(visual), -1)
        features = torch.cat((visual, motion), 1).numpy()
        return features[0], features[1:].reshape(rows, columns, -1)


def region_effects(circuit: Circuit, features: np.ndarray, covered: np.ndarray, state: np.ndarray,
                   elapsed: float) -> np.ndarray:
    """Return the effect on the command of each part of the picture, (rows, columns) rad.

    :param features, covered: what ``covered_features`` gave.
    """
    rows, columns, inputs = covered.shape
    variants = np.concatenate([features[None], covered.reshape(-1, inputs)])
    steering = circuit.tick(variants, state, elapsed).steering_rad
    return (steering[0] - steering[1:]).reshape(rows, columns)
