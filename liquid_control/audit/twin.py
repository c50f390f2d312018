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

"""Twins of an LTC whose time constants are fixed: what is lost when they cannot follow the input."""
import numpy as np
import torch
from torch import Tensor, nn

from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.synapses import collect, fire

SAME_CURRENT, SAME_TARGET = 'same current', 'same target'
TWINS = {
    SAME_CURRENT: 'dv/dt = (g v_leak + sum w s E) / C - v / tau: the currents of the liquid network, a decay that is '
                  'fixed. This is a continuous-time RNN with the synapses of the LTC (the CT-RNN that Hasani et al. '
                  '2021 compare with)',
    SAME_TARGET: 'dv/dt = (v_inf - v) / tau with v_inf = (g v_leak + sum w s E) / (g + sum w s): every neuron '
                 'strives for the value that it strives for in the liquid network, at a fixed pace'}
"""Kind of twin -> how it is computed."""


class FixedTimeConstants(nn.Module):
    """The network of an LTC cell with tau_sys of each neuron frozen; calls as the cell.

    Stepped as the cell is: ``ode_unfolds`` semi-implicit steps for each tick.

    :param tau: (U,) the time constants, nominal periods.
    :param kind: one of TWINS.
    """

    def __init__(self, cell: LTCCell, tau: np.ndarray, kind: str) -> None:
        super().__init__()
        self.cell, self.kind = cell, kind
        self.state_size, self.output_size = cell.state_size, cell.output_size
        self.register_buffer('tau', torch.as_tensor(tau, dtype=torch.float32))

    def forward(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from state (B, U) with features (B, I): output (B, 1), state (B, U)."""
        cell, prepared = self.cell, self.cell.prepare()
        sensory = cell.drive(prepared, features)
        pace = cell.ode_unfolds / elapsed
        for _ in range(cell.ode_unfolds):
            firing = fire(state, prepared[3], prepared[4], cell.slot_source)
            current, conductance = collect(sensory, firing, prepared[5]).chunk(2, 1)
            if self.kind == SAME_TARGET:
                current = current / conductance / self.tau
            else:
                current = current / cell.cm.abs()
            state = (state * pace + current) / (pace + 1.0 / self.tau)
        return cell.read(state), state

    def initial_state(self, cars: int) -> Tensor:
        """Return zeros (1, cars, U): one variant for ``fleet_drive``."""
        return torch.zeros(1, cars, self.state_size)

    def step(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from states (1, B, U), as ``fleet_drive.Networks``."""
        output, state = self(features[0], state[0], elapsed[0])
        return output[None], state[None]
