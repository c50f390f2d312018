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

"""What a command is made of: every synapse's share of one tick of an LTC policy, adding up to the command.

A tick of ``elapsed`` nominal periods is N unfolds (Hasani et al. 2021, algorithm 1). With ``I = C N / elapsed``,
unfold k gives neuron i

    x_i(k) = (I x_i(k-1) + g x_leak + sum_j w s_j(k-1) E_j) / D(k),   D(k) = I + g + sum_j w s_j(k-1).

Given how the synapses conduct, this is linear in x_i, so the state after the tick is a sum without remainder:

    x_i(N) = sum_j c_j + c_leak + c_memory
    c_j = sum_k (w s_j(k-1) E_j / D(k)) r(k),   r(k) = product over l > k of I / D(l)
    c_leak = sum_k (g x_leak / D(k)) r(k),      c_memory = x_i(0) times the product of all I / D(l).

The command is ``max_steering (clamp(gain x_motor + bias))``: each c of the motor neuron times gain times max_steering
is a share in rad, the bias is another, and what the clamp takes away is the last. The shares say what the motor neuron
was made of; what the command would be without a neuron or a synapse is another question, answered by ``effects``.

Only the LTC has conductances. A CfC neuron is ``tanh(f1) (1 - s) + tanh(f2) s`` of sums over its synapses, which no
shares of single synapses add up to; for it, and for the baselines, nothing here is defined.
"""
from dataclasses import dataclass

import numpy as np

from liquid_control.errors import InputError
from liquid_control.policy.driving_policy import DrivingPolicy


@dataclass(frozen=True)
class Synapses:
    """N synapses of one kind, in the order of the wiring: sources feed targets with weight w towards E (reversal)."""

    source: np.ndarray
    target: np.ndarray
    mu: np.ndarray
    sigma: np.ndarray
    w: np.ndarray
    reversal: np.ndarray

    def conductance(self, values: np.ndarray) -> np.ndarray:
        """Return ``w s(sigma (x - mu))`` (B, N) for source values (B, S)."""
        return self.w / (1.0 + np.exp(-self.sigma * (values[:, self.source] - self.mu)))

    def onto(self, units: int) -> np.ndarray:
        """Return the matrix (N, units) that adds up what synapses bring to their targets."""
        matrix = np.zeros((len(self.target), units))
        matrix[np.arange(len(self.target)), self.target] = 1.0
        return matrix


@dataclass(frozen=True)
class Tick:
    """One tick of B variants of a network of U neurons, computed in double precision.

    :param state: (B, U) after the tick; ``output``: (B,) gain x + bias; ``steering_rad``: (B,) what is commanded.
    :param sensory: (B, M) and ``inner``: (B, N): share c of each synapse in its target's state.
    :param leak, memory: (B, U) shares of the membrane's leak and of the state before the tick.
    :param sensory_current, inner_current: (B, M) and (B, N) ``w s (E - x)`` at the end of the tick.
    :param time_constant: (B, U) tau_sys in nominal periods at the last unfold.
    """

    state: np.ndarray
    output: np.ndarray
    steering_rad: np.ndarray
    sensory: np.ndarray
    inner: np.ndarray
    leak: np.ndarray
    memory: np.ndarray
    sensory_current: np.ndarray
    inner_current: np.ndarray
    time_constant: np.ndarray


@dataclass(frozen=True)
class Shares:
    """What one command is made of, in rad; the sum of all is the command.

    :param synapses: (N,) of each synapse between neurons; 0 where the motor neuron is not its target.
    :param sensory: (M,) of each sensory synapse; 0 where the motor neuron is not its target.
    :param clamp: what the limit takes away.
    """

    sensory: np.ndarray
    synapses: np.ndarray
    leak: float
    memory: float
    bias: float
    clamp: float

    @property
    def total(self) -> float:
        """The command in rad."""
        return float(self.sensory.sum() + self.synapses.sum()) + self.leak + self.memory + self.bias + self.clamp


class Circuit:
    """The numbers of an LTC policy's network, for looking at single ticks.

    :raises InputError: for a policy of another cell.
    """

    def __init__(self, policy: DrivingPolicy) -> None:
        cell = policy.network
        if policy.spec.cell != 'ltc':
            raise InputError(f"the shares of single synapses are not defined for the cell '{policy.spec.cell}', which "
                             'has no conductances; give a policy of the cell ltc')
        self.units, self.inputs, self.unfolds = cell.state_size, cell.input_size, cell.ode_unfolds
        self.sensory = _synapses(cell, 'sensory_')
        self.inner = _synapses(cell, '')
        self._leak, self._rest = np.abs(_array(cell.gleak)), _array(cell.vleak)
        self._epsilon = cell.epsilon
        self._capacity = np.abs(_array(cell.cm))
        self._sensory_onto, self._inner_onto = self.sensory.onto(self.units), self.inner.onto(self.units)
        self.gain, self.bias = float(policy.gain.detach()), float(policy.bias.detach())
        self.max_steering_rad = policy.spec.max_steering_rad

    def tick(self, features: np.ndarray, state: np.ndarray, elapsed: float, sensory_open: np.ndarray | None = None,
             inner_open: np.ndarray | None = None, held: np.ndarray | None = None) -> Tick:
        """Run one tick of B variants side by side.

        :param features: (I,) or (B, I); ``state``: (U,) or (B, U) before the tick; ``elapsed``: nominal periods.
        :param sensory_open, inner_open: (B, M) and (B, N), 0 where a synapse is cut, 1 where it is not.
        :param held: bool (B, U), where a neuron is held at 0.
        """
        rows = max(len(open_) for open_ in (sensory_open, inner_open, held, [0]) if open_ is not None)
        features, x = (np.broadcast_to(np.atleast_2d(values).astype(float), (rows, np.shape(values)[-1]))
                       for values in (features, state))
        inertia = self._capacity * self.unfolds / elapsed
        sensory_g = self.sensory.conductance(features)
        sensory_g = sensory_g if sensory_open is None else sensory_g * sensory_open
        sensory_drive = (sensory_g * self.sensory.reversal) @ self._sensory_onto
        membrane_g = self._leak + self._epsilon + sensory_g @ self._sensory_onto
        free = 1.0 if held is None else ~held
        x = x * free
        memory, leak = x, np.zeros_like(x)
        sensory, inner = np.zeros_like(sensory_g), np.zeros((rows, len(self.inner.w)))
        for _ in range(self.unfolds):
            inner_g = self.inner.conductance(x)
            inner_g = inner_g if inner_open is None else inner_g * inner_open
            conductance = membrane_g + inner_g @ self._inner_onto
            denominator = inertia + conductance
            kept = inertia / denominator
            x = (inertia * x + self._leak * self._rest + sensory_drive + (inner_g * self.inner.reversal)
                 @ self._inner_onto) / denominator * free
            memory, leak = memory * kept, leak * kept + self._leak * self._rest / denominator
            sensory = (sensory * kept[:, self.sensory.target]
                       + sensory_g * self.sensory.reversal / denominator[:, self.sensory.target])
            inner = (inner * kept[:, self.inner.target]
                     + inner_g * self.inner.reversal / denominator[:, self.inner.target])
        output = self.gain * x[:, 0] + self.bias
        return Tick(
            x, output, np.clip(output, -1.0, 1.0) * self.max_steering_rad, sensory, inner, leak, memory,
            sensory_g * (self.sensory.reversal - x[:, self.sensory.target]),
            inner_g * (self.inner.reversal - x[:, self.inner.target]), self._capacity / conductance)

    def shares(self, tick: Tick) -> Shares:
        """Return what the command of the first variant of a tick is made of."""
        scale = self.gain * self.max_steering_rad
        return Shares(
            scale * tick.sensory[0] * (self.sensory.target == 0), scale * tick.inner[0] * (self.inner.target == 0),
            scale * float(tick.leak[0, 0]), scale * float(tick.memory[0, 0]), self.bias * self.max_steering_rad,
            float(tick.steering_rad[0] - self.max_steering_rad * tick.output[0]))


def _synapses(cell, prefix: str) -> Synapses:
    names = 'source', 'target', 'polarity', 'mu', 'sigma', 'w', 'erev'
    source, target, polarity, mu, sigma, w, reversal = (_array(getattr(cell, prefix + name)) for name in names)
    return Synapses(source.astype(int), target.astype(int), mu, sigma, np.abs(w), polarity * np.abs(reversal))


def _array(tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)
