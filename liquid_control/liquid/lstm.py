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

"""An LSTM cell, and mixed memory: an LSTM in front of a liquid cell (Lechner and Hasani 2020)."""

import torch
from torch import Tensor, nn

from liquid_control.liquid.cell import Cell


class LSTMCell(Cell):
    """A long short-term memory cell; the state [B, 2 hidden] is the output h and the memory c side by side.

    The same parameters as ncps's LSTM cell; the forget gate has a constant offset of 1. It does not use the
    elapsed time.
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.state_size = 2 * hidden_size
        self.output_size = hidden_size
        self.input_map = nn.Linear(input_size, 4 * hidden_size)
        self.recurrent_map = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        nn.init.xavier_uniform_(self.input_map.weight)
        nn.init.uniform_(self.input_map.bias, -0.1, 0.1)
        nn.init.orthogonal_(self.recurrent_map.weight)

    def forward(self, inputs: Tensor, states: Tensor,
                elapsed_time: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """Step from states [B, 2 hidden] with inputs [B, I]; return output [B, hidden] and the new state."""
        return self._step(inputs, states, elapsed_time)

    def prepare(self) -> list[Tensor]:
        """Return the recurrent matrix [hidden, 4 hidden]."""
        return [self.recurrent_map.weight.t()]

    def drive(self, prepared: list[Tensor], inputs: Tensor) -> Tensor:
        """Return what inputs [N, I] add to the four gates, [N, 4 hidden]."""
        return self.input_map(inputs)

    def advance(self, prepared: list[Tensor], drive: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the state [B, 2 hidden] after one step."""
        h, c = state.chunk(2, 1)
        candidate, keep_in, keep, out = torch.addmm(drive, h, prepared[0]).chunk(4, 1)
        c = c * torch.sigmoid(keep + 1.0) + torch.tanh(candidate) * torch.sigmoid(keep_in)
        return torch.cat([torch.tanh(c) * torch.sigmoid(out), c], 1)

    def read(self, state: Tensor) -> Tensor:
        """Return h [..., hidden]."""
        return state[..., :self.hidden_size]


class MixedMemoryCell(Cell):
    """A cell behind an LSTM: the LSTM updates (h, c), then the cell evolves h over the elapsed time.

    The state [B, 2 units] is h and c side by side. The LSTM carries memories over long times, which the decaying
    dynamics of a liquid cell cannot.
    """

    def __init__(self, rnn_cell: Cell):
        super().__init__()
        self.input_size = rnn_cell.input_size
        self.hidden_size = rnn_cell.state_size
        self.state_size = 2 * rnn_cell.state_size
        self.output_size = rnn_cell.output_size
        self.rnn_cell = rnn_cell
        self.lstm = LSTMCell(rnn_cell.input_size, rnn_cell.state_size)

    def forward(self, inputs: Tensor, states: Tensor,
                elapsed_time: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """Step from states [B, 2 units] with inputs [B, I]; return the cell's output and the new state."""
        return self._step(inputs, states, elapsed_time)

    def prepare(self) -> list[Tensor]:
        """Return what the LSTM has prepared (one tensor), then what the cell has."""
        return self.lstm.prepare() + self.rnn_cell.prepare()

    def drive(self, prepared: list[Tensor], inputs: Tensor) -> Tensor:
        """Return the drive of the LSTM, [N, 4 units], and that of the cell side by side."""
        return torch.cat([self.lstm.drive(prepared[:1], inputs), self.rnn_cell.drive(prepared[1:], inputs)], 1)

    def advance(self, prepared: list[Tensor], drive: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the state [B, 2 units] after ``elapsed`` [B or 1, 1]."""
        gates = 4 * self.hidden_size
        state = self.lstm.advance(prepared[:1], drive[:, :gates], state, elapsed)
        h, c = state.chunk(2, 1)
        return torch.cat([self.rnn_cell.advance(prepared[1:], drive[:, gates:], h, elapsed), c], 1)

    def read(self, state: Tensor) -> Tensor:
        """Return the cell's output [..., O] of a state [..., 2 units]."""
        return self.rnn_cell.read(state[..., :self.hidden_size])
