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

"""The closed-form continuous-time cell (Hasani et al. 2022), every neuron connected to every other."""
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.cell import Cell

MODES = ('default', 'pure', 'no_gate')


class LeCun(nn.Module):
    """LeCun's scaled tanh, ``1.7159 tanh(0.666 x)``."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of x, elementwise."""
        return 1.7159 * torch.tanh(0.666 * x)


ACTIVATIONS = {'silu': nn.SiLU, 'relu': nn.ReLU, 'tanh': nn.Tanh, 'gelu': nn.GELU, 'lecun_tanh': LeCun}


class CfCCell(Cell):
    """A CfC cell with a backbone: a small network of input and state that all gates share.

    With ``f1, f2, t_a, t_b`` linear in what the backbone says and ``s = sigmoid(t_a elapsed + t_b)``:

    - default: ``h = tanh(f1) (1 - s) + tanh(f2) s``;
    - no_gate: ``h = tanh(f1) + tanh(f2) s``;
    - pure: ``h = A - A exp(-elapsed (|w_tau| + |f1|)) f1``.

    Parameters have the names and shapes of ncps's, so its weights load as they are. State and output [B, hidden].
    """

    has_backbone: Final[bool]
    pure: Final[bool]
    no_gate: Final[bool]

    def __init__(self, input_size: int, hidden_size: int, mode: str = 'default',
                 backbone_activation: str = 'lecun_tanh', backbone_units: int = 128, backbone_layers: int = 1,
                 backbone_dropout: float = 0.0):
        """Make a cell with random parameters; ``backbone_layers=0`` leaves the backbone out.

        :raises InputError: for an unknown mode or activation and for sizes below 1.
        """
        super().__init__()
        check_mode(mode)
        _check_sizes(input_size, hidden_size, backbone_activation, backbone_units, backbone_layers, backbone_dropout)
        self.input_size = self.sensory_size = input_size
        self.hidden_size = self.state_size = self.output_size = hidden_size
        self.mode = mode
        self.pure = mode == 'pure'
        self.no_gate = mode == 'no_gate'
        self.has_backbone = backbone_layers > 0
        self.backbone = _backbone(input_size + hidden_size, ACTIVATIONS[backbone_activation], backbone_units,
                                  backbone_layers, backbone_dropout)
        features = backbone_units if self.has_backbone else input_size + hidden_size
        self.ff1 = nn.Linear(features, hidden_size)
        if self.pure:
            self.w_tau = nn.Parameter(torch.empty(1, hidden_size))
            self.A = nn.Parameter(torch.empty(1, hidden_size))
        else:
            self.ff2 = nn.Linear(features, hidden_size)
            self.time_a = nn.Linear(features, hidden_size)
            self.time_b = nn.Linear(features, hidden_size)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)

    def forward(self, input: Tensor, hx: Tensor, ts: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:  # noqa: A002
        """Step from hx [B, hidden] with input [B, I] over ts (number, [], [B] or [B, 1]; above 0).

        :return: output [B, hidden] and the new state, which are the same.
        """
        return self._step(input, hx, ts)

    def prepare(self) -> list[Tensor]:
        """Return the first matrix in two parts (for input and state) and its offset, then the gates' if it is another.

        The gates are evaluated at once, side by side: f1, f2, t_a, t_b.
        """
        if self.pure:
            weight, bias = self.ff1.weight, self.ff1.bias
        else:
            weight = torch.cat([self.ff1.weight, self.ff2.weight, self.time_a.weight, self.time_b.weight])
            bias = torch.cat([self.ff1.bias, self.ff2.bias, self.time_a.bias, self.time_b.bias])
        if self.has_backbone:
            first = self.backbone[0].weight
            return [first[:, :self.input_size], self.backbone[0].bias, first[:, self.input_size:].t(), weight, bias]
        else:
            return [weight[:, :self.input_size], bias, weight[:, self.input_size:].t()]

    def drive(self, prepared: list[Tensor], inputs: Tensor) -> Tensor:
        """Return what inputs [N, I] add to the first layer, [N, units of it]."""
        return F.linear(inputs, prepared[0], prepared[1])

    def advance(self, prepared: list[Tensor], drive: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the state [B, hidden] after ``elapsed`` [B or 1, 1]."""
        gates = torch.addmm(drive, state, prepared[2])
        if self.has_backbone:
            for i, layer in enumerate(self.backbone):
                if i > 0:
                    gates = layer(gates)
            gates = F.linear(gates, prepared[3], prepared[4])
        if self.pure:
            return pure_solution(gates, elapsed, self.w_tau, self.A)
        else:
            return gated_solution(gates, elapsed, self.no_gate)

    def read(self, state: Tensor) -> Tensor:
        """Return the state: every neuron is an output."""
        return state


def gated_solution(gates: Tensor, elapsed: Tensor, no_gate: bool) -> Tensor:
    """Blend tanh(f1) and tanh(f2); gates [B, 4 H] holds f1, f2, t_a, t_b."""
    half = gates.size(1) // 2
    f1, f2 = torch.tanh(gates[:, :half]).chunk(2, 1)
    t_a, t_b = gates[:, half:].chunk(2, 1)
    share = torch.sigmoid(torch.addcmul(t_b, t_a, elapsed))
    return torch.addcmul(f1, share, f2) if no_gate else torch.lerp(f1, f2, share)


def pure_solution(f1: Tensor, elapsed: Tensor, w_tau: Tensor, amplitude: Tensor) -> Tensor:
    """Return the closed-form solution itself; f1 [B, H], w_tau and amplitude [1, H]."""
    return amplitude - amplitude * torch.exp(-elapsed * (w_tau.abs() + f1.abs())) * f1


def check_mode(mode: str) -> None:
    """Refuse a mode that is not in MODES."""
    if mode not in MODES:
        raise InputError(f'CfC mode is {mode!r}; give one of {", ".join(MODES)}')


def _check_sizes(input_size: int, hidden_size: int, activation: str, units: int, layers: int, dropout: float) -> None:
    if activation not in ACTIVATIONS:
        raise InputError(f'backbone activation is {activation!r}; give one of {", ".join(ACTIVATIONS)}')
    if min(input_size, hidden_size, units) < 1 or layers < 0:
        raise InputError(f'CfC sizes are {input_size} inputs, {hidden_size} units, {layers} backbone layers of '
                         f'{units}; the lowest is 1, for backbone layers 0')
    if not 0.0 <= dropout < 1.0:
        raise InputError(f'backbone_dropout is {dropout}; give a share from 0 to below 1')


def _backbone(features: int, activation: type, units: int, layers: int, dropout: float) -> nn.Sequential:
    """Return linear and activation for each layer; a dropout follows every layer but the first, as in ncps."""
    parts: list[nn.Module] = []
    for layer in range(layers):
        parts += [nn.Linear(units if layer else features, units), activation()]
        if layer and dropout > 0.0:
            parts.append(nn.Dropout(dropout))
    return nn.Sequential(*parts)
