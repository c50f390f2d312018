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

"""Layers of spiking neurons and of the integrators that read them."""
import math
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from liquid_control.liquid.running_norm import RunningNorm
from liquid_control.liquid.spike import spike
from liquid_control.liquid.spiking_sequence import LiquidReadoutSequence, LiquidSpikingSequence


class LiquidSpikingLayer(nn.Module):
    """Recurrent spiking neurons whose membrane and threshold have liquid time constants (Yin et al. 2023).

    With the neuron's input current ``I`` (normalised input + recurrent spikes), per nominal period::

        tau_m = sigmoid(W [I; u]),  rho = sigmoid(V [I; b])
        b <- rho b + (1 - rho) spike;  u <- u + tau_m (I - u)
        spike = 1 where u > 0.1 + 1.8 b;  u <- (1 - spike) u

    Over ``elapsed`` periods ``1 - tau_m`` and ``rho`` are raised to that power: the exact decay towards a current that
    stays. The state [B, 2 units] is u and b side by side, u as it was before the reset: so the state tells the
    spikes, ``spikes(state)``, and the reset is part of the next step.
    """

    units: Final[int]
    state_size: Final[int]

    def __init__(self, inputs: int, units: int, slowest: float) -> None:
        """Make a layer; time constants begin spread evenly on a logarithmic scale from 1 to ``slowest`` periods."""
        super().__init__()
        self.units, self.state_size = units, 2 * units
        self.weight, self.recurrent = _synapses(inputs, units)
        self.norm = RunningNorm(units)
        self.membrane_gate = _gate(units, slowest)
        self.adaptation_gate = _gate(units, slowest)

    def current(self, inputs: Tensor) -> Tensor:
        """Return the normalised current [N, units] of inputs [N, I]."""
        return self.norm(F.linear(inputs, self.weight))

    def spikes(self, state: Tensor) -> Tensor:
        """Return the spikes [..., units] of a state [..., 2 units]."""
        u, b = state.chunk(2, -1)
        return spike(u - (0.1 + 1.8 * b))

    def advance(self, current: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step over ``elapsed`` [B or 1, 1] with the current [B, units].

        :return: the new state [B, 2 units], and the rates ``1 / time constant`` of u and b, [B, 2 units] per period.
        """
        u, b = state.chunk(2, 1)
        spikes = self.spikes(state)
        u = u * (1.0 - spikes)
        current = torch.addmm(current, spikes, self.recurrent.t())
        leak = F.softplus(self.membrane_gate(torch.cat([current, u], 1)))
        recovery = F.softplus(self.adaptation_gate(torch.cat([current, b], 1)))
        rates = torch.cat([leak, recovery], 1)
        return torch.lerp(torch.cat([current, spikes], 1), torch.cat([u, b], 1), torch.exp(-elapsed * rates)), rates

    def unroll(self, currents: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the states [B, T, 2 units] that currents [B, T, units] lead to, with elapsed [B or 1, T, 1]."""
        return LiquidSpikingSequence.apply(
            currents, state, elapsed, self.recurrent, self.membrane_gate.weight, self.membrane_gate.bias,
            self.adaptation_gate.weight, self.adaptation_gate.bias)


class LIFLayer(nn.Module):
    """Recurrent leaky integrate-and-fire neurons with one fixed time constant, to compare liquid ones with.

    ``u <- u + (1 - exp(-elapsed / tau)) (I - u)``; a spike where ``u > 0.1``; then ``u <- 0``. No gradient goes through
    the reset, as usual for these neurons. The state [B, units] is u before the reset.
    """

    units: Final[int]
    state_size: Final[int]

    def __init__(self, inputs: int, units: int, tau: float) -> None:
        super().__init__()
        self.units, self.state_size, self.rate = units, units, 1.0 / tau
        self.weight, self.recurrent = _synapses(inputs, units)
        self.norm = RunningNorm(units)

    def current(self, inputs: Tensor) -> Tensor:
        """Return the normalised current [N, units] of inputs [N, I]."""
        return self.norm(F.linear(inputs, self.weight))

    def spikes(self, state: Tensor) -> Tensor:
        """Return the spikes [..., units] of a state [..., units]."""
        return spike(state - 0.1)

    def advance(self, current: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step over ``elapsed`` [B or 1, 1] with the current [B, units]: the new state and the rates, [B, units]."""
        spikes = self.spikes(state)
        current = torch.addmm(current, spikes, self.recurrent.t())
        rates = torch.full_like(state, self.rate)
        return torch.lerp(current, state * (1.0 - spikes.detach()), torch.exp(-elapsed * rates)), rates


class LiquidReadout(nn.Module):
    """Integrators that do not spike: ``v <- v + sigmoid(W [o; v]) (o - v)`` per period, with ``o`` linear in spikes."""

    def __init__(self, units: int, outputs: int, slowest: float) -> None:
        super().__init__()
        self.map = nn.Linear(units, outputs)
        self.gate = _gate(outputs, slowest)

    def advance(self, spikes: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step with spikes [B, units] from v [B, outputs]: the new v and the rates, [B, outputs]."""
        target = self.map(spikes)
        rates = F.softplus(self.gate(torch.cat([target, state], 1)))
        return torch.lerp(target, state, torch.exp(-elapsed * rates)), rates

    def unroll(self, spikes: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the v [B, T, outputs] that spikes [B, T, units] lead to, with elapsed [B or 1, T, 1]."""
        return LiquidReadoutSequence.apply(self.map(spikes), state, elapsed, self.gate.weight, self.gate.bias)


class LeakyReadout(nn.Module):
    """The same with one fixed time constant."""

    def __init__(self, units: int, outputs: int, tau: float) -> None:
        super().__init__()
        self.map = nn.Linear(units, outputs)
        self.rate = 1.0 / tau

    def advance(self, spikes: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step with spikes [B, units] from v [B, outputs]: the new v and the rates, [B, outputs]."""
        rates = torch.full_like(state, self.rate)
        return torch.lerp(self.map(spikes), state, torch.exp(-elapsed * rates)), rates


def _synapses(inputs: int, units: int) -> tuple[nn.Parameter, nn.Parameter]:
    weight = nn.init.xavier_uniform_(torch.empty(units, inputs))
    return nn.Parameter(weight), nn.Parameter(nn.init.orthogonal_(torch.empty(units, units)))


def _gate(units: int, slowest: float) -> nn.Linear:
    """Return W of ``sigmoid(W [I; u])``: its offset sets the time constants at rest, ``1 / softplus(offset)``."""
    gate = nn.Linear(2 * units, units)
    nn.init.xavier_uniform_(gate.weight)
    rates = torch.exp(-math.log(slowest) * torch.rand(units))
    gate.bias.data = torch.log(torch.expm1(rates))
    return gate
