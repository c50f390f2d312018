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

"""Spikes, and the gradient that learning takes through them."""
import math

import torch
from torch import Tensor


def spike(distance: Tensor) -> Tensor:
    """Return exactly 1 where a membrane is above its threshold by ``distance`` > 0, else exactly 0, elementwise.

    The derivative is ``multi_gaussian(distance)``. It is written with plain operations, since TorchScript does not
    take an autograd.Function.
    """
    fired = (distance > 0.0).to(distance.dtype)
    if distance.requires_grad:
        fixed = distance.detach()
        return fired + multi_gaussian(fixed) * (distance - fixed)
    return fired


def multi_gaussian(distance: Tensor) -> Tensor:
    """Return the surrogate derivative ``.5 [1.15 N(x; 0, .3) - .15 N(x; .3, 1.8) - .15 N(x; -.3, 1.8)]``.

    High near the threshold and a little below zero far from it (Yin, Corradi and Bohte 2021, 2023).
    """
    sides = _normal(distance - 0.3, 1.8) + _normal(distance + 0.3, 1.8)
    return 0.5 * (1.15 * _normal(distance, 0.3) - 0.15 * sides)


def _normal(x: Tensor, deviation: float) -> Tensor:
    return torch.exp(-0.5 * (x / deviation) ** 2) / (math.sqrt(2.0 * math.pi) * deviation)
