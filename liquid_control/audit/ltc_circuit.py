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

"""A tick of an LTC policy, taken apart.

A tick of ``elapsed`` nominal periods is N unfolds (Hasani et al. 2021, algorithm 1). With ``I = C N / elapsed``,
unfold k gives neuron i

    x_i(k) = (I x_i(k-1) + g x_leak + sum_j w s_j(k-1) E_j) / D(k),   D(k) = I + g + sum_j w s_j(k-1).

Given how the synapses conduct, this is linear in x_i, so the state after the tick is a sum without remainder:

    x_i(N) = sum_j c_j + c_leak + c_memory
    c_j = sum_k (w s_j(k-1) E_j / D(k)) r(k),   r(k) = product over l > k of I / D(l)
    c_leak = sum_k (g x_leak / D(k)) r(k),      c_memory = x_i(0) times the product of all I / D(l).
"""
from dataclasses import dataclass

import numpy as np

from liquid_control.audit.tick import Ends, Tick, array, onto
from liquid_control.policy.driving_policy import DrivingPolicy


@dataclass(frozen=True)
class Synapses(Ends):
    """Synapses that conduct ``w s(sigma (x - mu))`` towards E (reversal)."""

    mu: np.ndarray
    sigma: np.ndarray
    w: np.ndarray
    reversal: np.ndarray

    def conductance(self, values: np.ndarray) -> np.ndarray:
        """Return the conductances (B, N) for source values (B, S)."""
        return self.w / (1.0 + np.exp(-self.sigma * (values[:, self.source] - self.mu)))


class LtcCircuit:
    """The numbers of an LTC policy's network, for looking at single ticks."""

    rest_name = 'leak'
    flow_name = 'current'

    def __init__(self, policy: DrivingPolicy) -> None:
        cell = policy.network
        self.units, self.inputs, self.unfolds = cell.state_size, cell.input_size, cell.ode_unfolds
        self.sensory, self.inner = _synapses(cell, 'sensory_'), _synapses(cell, '')
        self._leak, self._rest = np.abs(array(cell.gleak)), array(cell.vleak)
        self._epsilon = cell.epsilon
        self._capacity = np.abs(array(cell.cm))
        self._sensory_onto, self._inner_onto = onto(self.sensory.target, self.units), onto(
            self.inner.target, self.units)
        self.gain, self.bias = float(policy.gain.detach()), float(policy.bias.detach())
        self.max_steering_rad = policy.spec.max_steering_rad

    def tick(self, features: np.ndarray, state: np.ndarray, elapsed: float, sensory_open: np.ndarray | None = None,
             inner_open: np.ndarray | None = None, held: np.ndarray | None = None) -> Tick:
        """Run one tick of B variants side by side.

        :param features: (I,) or (B, I); ``state``: (U,) or (B, U) before the tick; ``elapsed``: nominal periods.
        :param sensory_open, inner_open: (B, M) and (B, N), 0 where a synapse is cut, 1 where it is not.
        :param held: bool (B, U), where a neuron is held at 0.
        """
        features, x = side_by_side(features, state, sensory_open, inner_open, held)
        inertia = self._capacity * self.unfolds / elapsed
        sensory_g = self.sensory.conductance(features)
        sensory_g = sensory_g if sensory_open is None else sensory_g * sensory_open
        sensory_drive = (sensory_g * self.sensory.reversal) @ self._sensory_onto
        membrane_g = self._leak + self._epsilon + sensory_g @ self._sensory_onto
        free = 1.0 if held is None else ~held
        x = x * free
        memory, leak = x[0], np.zeros(self.units)
        sensory, inner = np.zeros(len(self.sensory.w)), np.zeros(len(self.inner.w))
        for _ in range(self.unfolds):
            inner_g = self.inner.conductance(x)
            inner_g = inner_g if inner_open is None else inner_g * inner_open
            conductance = membrane_g + inner_g @ self._inner_onto
            denominator = inertia + conductance
            x = (inertia * x + self._leak * self._rest + sensory_drive + (inner_g * self.inner.reversal)
                 @ self._inner_onto) / denominator * free
            kept = inertia / denominator[0]
            memory, leak = memory * kept, leak * kept + self._leak * self._rest / denominator[0]
            sensory = _carried(sensory, kept, denominator[0], sensory_g[0], self.sensory)
            inner = _carried(inner, kept, denominator[0], inner_g[0], self.inner)
        output = self.gain * x[:, 0] + self.bias
        return Tick(
            x, output, np.clip(output, -1.0, 1.0) * self.max_steering_rad, sensory, inner, memory, leak,
            sensory_g[0] * (self.sensory.reversal - x[0, self.sensory.target]),
            inner_g[0] * (self.inner.reversal - x[0, self.inner.target]),
            _signs(self.sensory.reversal), _signs(self.inner.reversal), self._capacity / conductance[0])


def side_by_side(features: np.ndarray, state: np.ndarray, *changed: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return features and states as rows of float64, as many as the variants have."""
    rows = max(len(rows) for rows in (*changed, np.atleast_2d(features), np.atleast_2d(state)) if rows is not None)
    return tuple(np.broadcast_to(np.atleast_2d(values).astype(float), (rows, np.shape(values)[-1]))
                 for values in (features, state))


def _carried(shares: np.ndarray, kept: np.ndarray, denominator: np.ndarray, conductance: np.ndarray,
             synapses: Synapses) -> np.ndarray:
    """Return the shares of synapses after one more unfold."""
    return shares * kept[synapses.target] + conductance * synapses.reversal / denominator[synapses.target]


def _signs(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0.0, 1, -1)


def _synapses(cell, prefix: str) -> Synapses:
    names = 'source', 'target', 'polarity', 'mu', 'sigma', 'w', 'erev'
    source, target, polarity, mu, sigma, w, reversal = (array(getattr(cell, prefix + name)) for name in names)
    return Synapses(source.astype(int), target.astype(int), mu, sigma, np.abs(w), polarity * np.abs(reversal))
