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

"""LTC and CfC over whole sequences, with the arguments and results of ``ncps.torch``."""
from typing import Final

import torch
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.cell import Cell
from liquid_control.liquid.cfc import CfCCell
from liquid_control.liquid.lstm import MixedMemoryCell
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.timespans import elapsed_of_steps
from liquid_control.liquid.wired_cfc import WiredCfCCell
from liquid_control.liquid.wirings import FullyConnected, Wiring


class SequenceLayer(nn.Module):
    """A cell run over sequences; ``rnn_cell`` is the cell, or a MixedMemoryCell around it."""

    use_mixed: Final[bool]
    batch_first: Final[bool]
    return_sequences: Final[bool]

    def __init__(self, cell: Cell, return_sequences: bool, batch_first: bool, mixed_memory: bool,
                 proj_size: int | None = None):
        super().__init__()
        self.input_size = self.sensory_size = cell.input_size
        self.state_size = cell.state_size
        self.output_size = self.motor_size = cell.output_size
        self.return_sequences = return_sequences
        self.batch_first = batch_first
        self.use_mixed = mixed_memory
        self.rnn_cell = MixedMemoryCell(cell) if mixed_memory else cell
        self.fc = nn.Identity() if proj_size is None else nn.Linear(cell.output_size, proj_size)

    # The result's type depends on use_mixed; TorchScript derives it, an annotation could not say it.
    def forward(self, input: Tensor, hx: Tensor | tuple[Tensor, Tensor] | None = None,  # noqa: A002
                timespans: Tensor | float | None = None):
        """Run over input (T, I), (B, T, I), or (T, B, I) when batch_first is False.

        :param hx: first state (B, units), or (units,) with an input (T, I); with mixed memory a tuple of two; None
            starts at zero.
        :param timespans: time since the step before in nominal periods: None (1), a number, (T,), (B, T), (B, T, 1);
            (T, B), (T, B, 1) when batch_first is False.
        :return: output of all steps in the layout of the input, or of the last step without the time axis when
            return_sequences is False; and the last state in the layout of hx.
        :raises InputError: for shapes that do not fit and for times that are not finite and above 0.
        """
        if not (input.dim() == 2 or input.dim() == 3) or input.size(-1) != self.input_size:
            raise InputError(f'input has shape {list(input.shape)}; give (steps, '
                             f'{self.input_size}) or a batch of those')
        batched = input.dim() == 3
        if not batched:
            rows = input.unsqueeze(0)
        else:
            rows = input if self.batch_first else input.transpose(0, 1)
        if rows.size(1) == 0:
            raise InputError(f'input has shape {list(input.shape)} and so no steps; give at least 1')
        elapsed = elapsed_of_steps(timespans, rows.size(0), rows.size(1), self.batch_first or not batched, rows)
        states, state = self.rnn_cell.run_sequence(rows, self._first_state(hx, rows, batched), elapsed)
        output = self.fc(states if self.return_sequences else states[:, -1])
        if not batched:
            output = output.squeeze(0)
            state = state.squeeze(0)
        elif self.return_sequences and not self.batch_first:
            output = output.transpose(0, 1)
        if self.use_mixed:
            h, c = state.chunk(2, -1)
            return output, (h, c)
        else:
            return output, state

    def _first_state(self, hx: Tensor | tuple[Tensor, Tensor] | None, rows: Tensor, batched: bool) -> Tensor:
        """Return hx as the flat state [B, S] of the cell."""
        if hx is None:
            return torch.zeros((rows.size(0), self.rnn_cell.state_size), dtype=rows.dtype, device=rows.device)
        elif isinstance(hx, Tensor):
            if self.use_mixed:
                raise InputError('hx is one tensor; with mixed_memory give the tuple (h, c)')
            state = hx
        else:
            if not self.use_mixed:
                raise InputError('hx is a tuple; without mixed_memory give one tensor')
            state = torch.cat([hx[0], hx[1]], -1)
        if state.dim() != (2 if batched else 1) or state.size(-1) != self.rnn_cell.state_size:
            raise InputError(f'hx has shape {list(state.shape)} (h and c side by side with mixed memory); give '
                             f'{self.rnn_cell.state_size} columns and a row for each sample of a batch')
        state = state if batched else state.unsqueeze(0)
        if state.size(0) != rows.size(0):
            raise InputError(f'hx holds states of {state.size(0)} samples; the input has {rows.size(0)}')
        return state


class LTC(SequenceLayer):
    """A liquid time-constant network over sequences, see :class:`LTCCell`."""

    def __init__(self, input_size: int, units: int | Wiring, return_sequences: bool = True,
                 batch_first: bool = True, mixed_memory: bool = False, input_mapping: str | None = 'affine',
                 output_mapping: str | None = 'affine', ode_unfolds: int = 6, epsilon: float = 1e-8,
                 implicit_param_constraints: bool = True):
        """Make a layer with random parameters; ``units`` neurons are fully connected, or wired as a Wiring says."""
        wiring = units if isinstance(units, Wiring) else FullyConnected(units)
        cell = LTCCell(wiring, input_size, input_mapping, output_mapping, ode_unfolds, epsilon,
                       implicit_param_constraints)
        super().__init__(cell, return_sequences, batch_first, mixed_memory)
        self.synapse_count = wiring.synapse_count
        self.sensory_synapse_count = wiring.sensory_synapse_count


class CfC(SequenceLayer):
    """A closed-form continuous-time network over sequences, see :class:`CfCCell` and :class:`WiredCfCCell`."""

    def __init__(self, input_size: int, units: int | Wiring, proj_size: int | None = None,
                 return_sequences: bool = True, batch_first: bool = True, mixed_memory: bool = False,
                 mode: str = 'default', activation: str = 'lecun_tanh', backbone_units: int | None = None,
                 backbone_layers: int | None = None, backbone_dropout: float | None = None):
        """Make a layer with random parameters.

        :param units: number of neurons, or a Wiring; a wired CfC has no backbone.
        :param proj_size: when given, a linear layer maps the output to this many numbers.
        :param backbone_units: 128 unless told; backbone_layers: 1; backbone_dropout: 0.
        """
        if isinstance(units, Wiring):
            if any(option is not None for option in (backbone_units, backbone_layers, backbone_dropout)):
                raise InputError('a wired CfC has no backbone; leave out backbone_units, _layers and _dropout')
            cell = WiredCfCCell(input_size, units, mode)
        else:
            cell = CfCCell(input_size, units, mode, activation, 128 if backbone_units is None else backbone_units,
                           1 if backbone_layers is None else backbone_layers, backbone_dropout or 0.0)
        super().__init__(cell, return_sequences, batch_first, mixed_memory, proj_size)
