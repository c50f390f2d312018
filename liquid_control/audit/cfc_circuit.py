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

"""A tick of a CfC policy, taken apart.

A CfC neuron becomes ``x = tanh(f1) (1 - s) + tanh(f2) s`` with ``s = sigmoid(t_a elapsed + t_b)`` (Hasani et al. 2022,
Nature Machine Intelligence 4); each of the four gates is an offset and a sum over its synapses. It has no conductances,
so it is no sum over synapses as an LTC neuron is. Its shares are integrated gradients (Sundararajan, Taly and Yan,
ICML 2017): what the neuron hears is turned up from nothing to what it heard, all synapses together, and each synapse
counts for what its part of that changes,

    c_j = v_j sum_g w_gj G_g,   G_g = integral over a from 0 to 1 of dx / d(gate g) at offsets + a sum_j w_j v_j,

with v_j the value of its source. What the neuron says when it hears nothing, x(offsets), is the share called offset.
By the fundamental theorem of calculus all shares add up to the state; the integral is a Gauss-Legendre rule of eight
nodes on each part of the way on which no gate moves by more than 1. A CfC neuron keeps nothing of its own state, so
memory has no share but by a synapse that carries an old value.
"""
import numpy as np

from liquid_control.audit.ltc_circuit import side_by_side
from liquid_control.audit.tick import Ends, Tick, array, onto
from liquid_control.policy.driving_policy import DrivingPolicy

NODES, MOST_PANELS = 8, 512
SLOWEST = 1e-6
"""Smallest |t_a|: its inverse is the longest time of a gate, nominal periods."""


class CfcCircuit:
    """The numbers of a CfC policy's network in its default mode, for looking at single ticks."""

    rest_name = 'offset'
    flow_name = 'share'

    def __init__(self, policy: DrivingPolicy) -> None:
        cell = policy.network
        self.units, self.inputs = cell.state_size, cell.input_size
        self.sensory, self.inner = (
            Ends(*matrix.nonzero()) for matrix in (cell.wiring.sensory_adjacency_matrix, cell.wiring.adjacency_matrix))
        self._sensory_weight, self._inner_weight = array(cell.sensory_weight), array(cell.weight)
        self._offset = array(cell.bias)
        self._sensory_onto, self._inner_onto = onto(self.sensory.target, self.units), onto(
            self.inner.target, self.units)
        self._layers = [list(cell.wiring.get_neurons_of_layer(layer)) for layer in range(cell.wiring.num_layers)]
        layer_of = np.empty(self.units, int)
        for layer, members in enumerate(self._layers):
            layer_of[members] = layer
        self._carries_new = layer_of[self.inner.source] < layer_of[self.inner.target]
        self.gain, self.bias = float(policy.gain.detach()), float(policy.bias.detach())
        self.max_steering_rad = policy.spec.max_steering_rad

    def tick(self, features: np.ndarray, state: np.ndarray, elapsed: float, sensory_open: np.ndarray | None = None,
             inner_open: np.ndarray | None = None, held: np.ndarray | None = None) -> Tick:
        """Run one tick of B variants side by side; the parameters are those of ``LtcCircuit.tick``."""
        features, old = side_by_side(features, state, sensory_open, inner_open, held)
        free = np.ones(old.shape) if held is None else (~held).astype(float)
        old = old * free
        heard = features[:, self.sensory.source]
        heard = heard if sensory_open is None else heard * sensory_open
        by_inputs = np.einsum('gm,bm,mu->bgu', self._sensory_weight, heard, self._sensory_onto, optimize=True)
        new, gates = np.zeros_like(old), np.empty(0)
        for members in self._layers:
            carried = np.where(self._carries_new, new[:, self.inner.source], old[:, self.inner.source])
            carried = carried if inner_open is None else carried * inner_open
            by_neurons = np.einsum('gn,bn,nu->bgu', self._inner_weight, carried, self._inner_onto, optimize=True)
            gates = self._offset + by_inputs + by_neurons
            new[:, members] = (_value(gates, elapsed) * free)[:, members]
        output = self.gain * new[:, 0] + self.bias
        slope = _mean_slope(self._offset, gates[0] - self._offset, elapsed)
        sensory_slope, inner_slope = (np.einsum('gn,gn->n', weight, slope[:, ends.target]) for weight, ends in (
            (self._sensory_weight, self.sensory), (self._inner_weight, self.inner)))
        sensory, inner = sensory_slope * heard[0], inner_slope * carried[0]
        return Tick(
            new, output, np.clip(output, -1.0, 1.0) * self.max_steering_rad, sensory, inner, np.zeros(self.units),
            _value(self._offset[None], elapsed)[0], sensory, inner, _signs(sensory_slope), _signs(inner_slope),
            1.0 / np.maximum(np.abs(gates[0, 2]), SLOWEST))


def _value(gates: np.ndarray, elapsed: float) -> np.ndarray:
    """Return the neurons' values (..., U) of gates (..., 4, U)."""
    first, second, rate, shift = (gates[..., gate, :] for gate in range(4))
    share = 1.0 / (1.0 + np.exp(-(rate * elapsed + shift)))
    return np.tanh(first) * (1.0 - share) + np.tanh(second) * share


def _mean_slope(offset: np.ndarray, heard: np.ndarray, elapsed: float) -> np.ndarray:
    """Return the mean derivative of each neuron by each gate, (4, U), on the way from ``offset`` to all it heard."""
    node, weight = np.polynomial.legendre.leggauss(NODES)
    moves = np.abs((heard[0], heard[1], heard[2] * elapsed + heard[3])).max()
    panels = int(np.clip(np.ceil(moves), 1, MOST_PANELS))
    place = ((np.arange(panels)[:, None] + 0.5 * (node + 1.0)) / panels).ravel()
    weights = np.tile(0.5 * weight / panels, panels)
    first, second, rate, shift = np.moveaxis(offset + place[:, None, None] * heard, 1, 0)
    share = 1.0 / (1.0 + np.exp(-(rate * elapsed + shift)))
    first, second = np.tanh(first), np.tanh(second)
    by_shift = (second - first) * share * (1.0 - share)
    slopes = np.stack(((1.0 - first**2) * (1.0 - share), (1.0 - second**2) * share, by_shift * elapsed, by_shift))
    return np.einsum('k,gku->gu', weights, slopes)


def _signs(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0.0, 1, -1)
