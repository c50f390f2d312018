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

"""Networks to compare liquid ones with, behind the same head and with the same calls."""
import torch
from torch import Tensor, nn

BASELINE_UNITS = 64
LARGE_UNITS = 144
STATE_LIMIT = 5.0


class LstmNetwork(nn.Module):
    """An LSTM layer and a linear output; the flat state is (h, c). States are clipped to +-5 for fair closed loops."""

    def __init__(self, inputs: int, units: int = BASELINE_UNITS) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(inputs, units)
        self.output = nn.Linear(units, 1)
        self.state_size, self.output_size, self.limit = 2 * units, 1, STATE_LIMIT

    def forward(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from state (B, S) with features (B, I): output (B, 1), state (B, S)."""
        hidden, memory = state.chunk(2, dim=1)
        hidden, memory = self.cell(features, (hidden.contiguous(), memory.contiguous()))
        return self.output(hidden), torch.cat((hidden, memory), dim=1).clamp(-self.limit, self.limit)

    def run_sequence(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Run features (B, T, I): outputs (B, T, 1), last state (B, S)."""
        return run_steps(self, features, state, elapsed)


class LargeLstmNetwork(LstmNetwork):
    """The same with 144 units: 102,673 parameters, about a hundred times those of the car's liquid network."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, LARGE_UNITS)


class GruNetwork(nn.Module):
    """A GRU layer and a linear output."""

    def __init__(self, inputs: int, units: int = BASELINE_UNITS) -> None:
        super().__init__()
        self.cell = nn.GRUCell(inputs, units)
        self.output = nn.Linear(units, 1)
        self.state_size, self.output_size = units, 1

    def forward(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from state (B, S) with features (B, I): output (B, 1), state (B, S)."""
        state = self.cell(features, state)
        return self.output(state), state

    def run_sequence(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Run features (B, T, I): outputs (B, T, 1), last state (B, S)."""
        return run_steps(self, features, state, elapsed)


class FeedForwardNetwork(nn.Module):
    """No memory: a hidden layer and a linear output; the state is empty, (B, 0)."""

    def __init__(self, inputs: int, units: int = BASELINE_UNITS) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, units), nn.ReLU(), nn.Linear(units, 1))
        self.state_size, self.output_size = 0, 1

    def forward(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from state (B, 0) with features (B, I): output (B, 1), state (B, 0)."""
        return self.layers(features), state

    def run_sequence(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Run features (B, T, I): outputs (B, T, 1), state (B, 0)."""
        return self.layers(features), state


class LinearOutput(nn.Module):
    """No memory and no hidden layer: what the head gives is summed up; the state is empty, (B, 0)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, 1)
        self.state_size, self.output_size = 0, 1

    def forward(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from state (B, 0) with features (B, I): output (B, 1), state (B, 0)."""
        return self.layer(features), state

    def run_sequence(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Run features (B, T, I): outputs (B, T, 1), state (B, 0)."""
        return self.layer(features), state


def run_steps(network: nn.Module, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
    """Run features (B, T, I) through a network's single steps."""
    outputs = []
    for step in range(features.shape[1]):
        output, state = network(features[:, step], state, elapsed[:, step])
        outputs.append(output)
    return torch.stack(outputs, dim=1), state
