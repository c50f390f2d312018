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

"""One tick of a circuit, taken apart: which share each synapse has in what its target became."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tick:
    """One tick of B variants of a network of U neurons, computed in double precision.

    Shares and what is drawn are of the first variant, the one as it was.

    :param state: (B, U) after the tick; ``output``: (B,) gain x + bias; ``steering_rad``: (B,) what is commanded.
    :param sensory: (M,) and ``inner``: (N,): share of each synapse in its target's state.
    :param memory, rest: (U,) shares of the state before the tick and of the neuron itself. All shares of a neuron add
        up to its state.
    :param sensory_flow, inner_flow: (M,) and (N,) what the page draws as the width of a synapse.
    :param sensory_sign, inner_sign: (M,) and (N,) 1 where more of the source raises its target, -1 where it lowers it.
    :param time_constant: (U,) in nominal periods, as ``audit.time_constants`` defines it.
    """

    state: np.ndarray
    output: np.ndarray
    steering_rad: np.ndarray
    sensory: np.ndarray
    inner: np.ndarray
    memory: np.ndarray
    rest: np.ndarray
    sensory_flow: np.ndarray
    inner_flow: np.ndarray
    sensory_sign: np.ndarray
    inner_sign: np.ndarray
    time_constant: np.ndarray


@dataclass(frozen=True)
class Ends:
    """N synapses of one kind, in the order of the wiring: source and target of each."""

    source: np.ndarray
    target: np.ndarray


def onto(target: np.ndarray, units: int) -> np.ndarray:
    """Return the matrix (N, units) that adds up what synapses bring to their targets."""
    matrix = np.zeros((len(target), units))
    matrix[np.arange(len(target)), target] = 1.0
    return matrix


def array(tensor) -> np.ndarray:
    """Return a tensor as float64."""
    return tensor.detach().cpu().numpy().astype(float)
