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

"""How abruptly a neuron can answer: local Lipschitz constants along a drive."""
import numpy as np
import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from liquid_control.liquid.spiking import LiquidSpikingCell

CHUNK = 256


def over_time(states: np.ndarray, times: np.ndarray, sequence: np.ndarray) -> np.ndarray:
    """Return the largest |x(t') - x(t)| / (t' - t) between neighbouring ticks of each neuron, (S,) per second.

    This is the smallest K with |x(t') - x(t)| <= K |t' - t| along the drive: the Lipschitz constant of the
    activity as it was sampled.

    :param states: (T, S); ``times``: (T,) s; ``sequence``: (T,), another number after each gap.
    """
    together = np.diff(sequence) == 0
    if not together.any():
        return np.zeros(states.shape[1])
    steps = np.abs(np.diff(states.astype(np.float64), axis=0)) / np.diff(times)[:, None]
    return steps[together].max(axis=0)


def jumps(network: nn.Module) -> bool:
    """Tell whether a step of a network jumps, as spikes do: then it has no Lipschitz constant."""
    return isinstance(network, LiquidSpikingCell)


def of_the_step(network: nn.Module, features: np.ndarray, before: np.ndarray, elapsed: np.ndarray) -> np.ndarray:
    """Return the local Lipschitz constant of each neuron at each tick, (T, S).

    One tick is a function of features and state, x' = F(u, x). The local Lipschitz constant of x'_i at (u, x) is the
    Euclidean norm of its gradient there: by how much a small change of features and state, of any direction, moves it.

    :param features: (T, I); ``before``: (T, S), the state before the tick; ``elapsed``: (T,) nominal periods.
    """
    def step(inputs: Tensor, state: Tensor, periods: Tensor) -> Tensor:
        return network(inputs[None], state[None], periods.view(1, 1))[1][0]

    derivative = vmap(jacrev(step, argnums=(0, 1)))
    columns = [torch.from_numpy(np.ascontiguousarray(values, np.float32)) for values in (features, before, elapsed)]
    norms = []
    with torch.no_grad():
        for chunk in zip(*(column.split(CHUNK) for column in columns), strict=True):
            by_inputs, by_state = derivative(*chunk)
            norms.append(torch.cat((by_inputs, by_state), 2).norm(dim=2))
    return torch.cat(norms).numpy()
