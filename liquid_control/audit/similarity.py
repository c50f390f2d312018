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

"""Whether a policy looks at the same places when its picture is noisy."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from liquid_control.audit.neuron_record import NeuronRecord
from liquid_control.audit.saliency import input_gradients, visual_backprop_maps
from liquid_control.audit.ssim import structural_similarity
from liquid_control.audit.stability import added, noise_fields
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.retina import Retina

NOISE_SD = 0.1
MOST_TICKS = 300
CHUNK = 32


@dataclass(frozen=True)
class Similarity:
    """Structural similarity of the saliency of a picture and of the same picture with noise.

    :param ticks: (M,) at which it was computed; ``visual_backprop`` and ``input_gradients``: (M,).
    """

    ticks: np.ndarray
    visual_backprop: np.ndarray
    input_gradients: np.ndarray


def saliency_under_noise(policy: DrivingPolicy, record: NeuronRecord, pictures: np.ndarray, seed: int = 0,
                         on_tick: Callable[[int], None] = lambda _ticks: None) -> Similarity:
    """Compare both kinds of saliency with and without noise, at up to 300 ticks spread evenly over the drive.

    Gaussian noise of standard deviation .1 of the range, clipped. Only what the retina sees is compared.

    :param on_tick: called with the number of ticks just done.
    """
    rng = np.random.default_rng(seed)
    ticks = np.unique(np.linspace(0, len(record) - 1, min(MOST_TICKS, len(record))).round().astype(int))
    view = seen_part(policy.retina, *pictures.shape[1:3])
    before, found = record.before, []
    for start in range(0, len(ticks), CHUNK):
        chunk = ticks[start:start + CHUNK]
        clean = pictures[chunk]
        noisy = added(clean, noise_fields(clean.shape, NOISE_SD, rng))
        rest = record.imu[chunk], record.elapsed[chunk], before[chunk]
        pairs = [(visual_backprop_maps(policy, clean), visual_backprop_maps(policy, noisy)),
                 (input_gradients(policy, clean, *rest), input_gradients(policy, noisy, *rest))]
        found += [[structural_similarity(first[i][view], second[i][view]) for first, second in pairs]
                  for i in range(len(chunk))]
        on_tick(len(chunk))
    return Similarity(ticks, *np.array(found).T)


def seen_part(retina: Retina, height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns of a picture that the retina does not crop away."""
    return (slice(round(retina.top * height), height - round(retina.bottom * height)),
            slice(round(retina.left * width), width - round(retina.right * width)))
