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
"""A recurrent cell with something to say: outputs of whole sequences, for tasks that have nothing to do with cars."""

import torch
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.cell import Cell
from liquid_control.liquid.cfc import CfCCell
from liquid_control.liquid.lstm import LSTMCell
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.spiking import LIFCell, LiquidSpikingCell
from liquid_control.liquid.wirings import FullyConnected

CELLS = ('spiking', 'lif', 'lstm', 'ltc', 'cfc')
INTEGRATORS = 16
"""Non-spiking neurons behind spiking ones."""


class SequenceModel(nn.Module):
    """A cell and a linear readout."""

    def __init__(self, cell: Cell, outputs: int) -> None:
        super().__init__()
        self.cell = cell
        self.readout = nn.Linear(cell.output_size, outputs)

    def forward(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs [B, T, O] of inputs [B, T, I] from state [B, S], and the last state."""
        elapsed = torch.ones(1, inputs.size(1), 1, device=inputs.device)
        outputs, state = self.cell.run_sequence(inputs, state, elapsed)
        return self.readout(outputs), state


def new_model(name: str, inputs: int, units: int, outputs: int, memory: float) -> SequenceModel:
    """Return an untrained model of ``units`` neurons.

    :param memory: nominal periods over which spiking neurons shall be able to remember: the slowest time constant
        that liquid ones begin with, and the one of leaky ones.
    :raises InputError: for an unknown cell.
    """
    if name == 'spiking':
        return SequenceModel(LiquidSpikingCell(inputs, units, INTEGRATORS, slowest=memory), outputs)
    if name == 'lif':
        return SequenceModel(LIFCell(inputs, units, INTEGRATORS, tau=memory), outputs)
    if name == 'lstm':
        return SequenceModel(LSTMCell(inputs, units), outputs)
    if name == 'cfc':
        return SequenceModel(CfCCell(inputs, units, backbone_layers=0), outputs)
    if name == 'ltc':
        return SequenceModel(LTCCell(FullyConnected(units), inputs), outputs)
    raise InputError(f"cell '{name}' is not one of {', '.join(CELLS)}; give one of these")
