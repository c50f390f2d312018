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

"""The liquid time-constant cell (Hasani et al. 2021) over explicit sparse synapses."""
from typing import List, Optional, Tuple, Union

import numpy as np
import torch
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.cell import Cell
from liquid_control.liquid.wirings import Wiring

MAPPINGS = ('affine', 'linear', None)


class LTCCell(Cell):
    """LTC neurons: ``C dv/dt = g (v_leak - v) + sum w s(sigma (x - mu)) (E - v)``, s the logistic function.

    A step of ``elapsed`` nominal periods is ``ode_unfolds`` semi-implicit steps of length D = elapsed / ode_unfolds:
    ``v <- (v C/D + g v_leak + sum w s E) / (C/D + g + sum w s)``.

    Parameters are vectors with one value per existing synapse (``sensory_mu, sensory_sigma, sensory_w, sensory_erev,
    mu, sigma, w, erev``) or per neuron (``gleak, vleak, cm``). w, gleak and cm act through their absolute value, so
    every raw value is valid and no gradient dies; a reversal potential is the wiring's polarity times ``|erev|`` and
    never changes sign. State [B, units], neuron i of the wiring in column i; output [B, motor neurons].
    """

    def __init__(self, wiring: Wiring, in_features: Optional[int] = None, input_mapping: Optional[str] = 'affine',
                 output_mapping: Optional[str] = 'affine', ode_unfolds: int = 6, epsilon: float = 1e-8,
                 implicit_param_constraints: bool = False):
        """Make a cell with random parameters.

        :param in_features: number of inputs; needed when the wiring is not built yet.
        :param input_mapping: 'affine' (learned scale and offset of every input), 'linear' (scale) or None.
        :param output_mapping: the same of every output.
        :param implicit_param_constraints: says only how to read weights of ncps (``load_ncps_weights``): whether
            they hold w, gleak and cm before a softplus. Here these quantities are positive either way.
        :raises InputError: for a wiring whose inputs are unknown and for an unknown mapping.
        """
        super().__init__()
        if in_features is not None:
            wiring.build(in_features)
        if not wiring.is_built():
            raise InputError('the wiring does not know its inputs; give in_features or call wiring.build(inputs)')
        if ode_unfolds < 1:
            raise InputError(f'ode_unfolds is {ode_unfolds}, the lowest is 1; 6 is usual')
        self.wiring = wiring
        self.input_size = int(wiring.input_dim)
        self.state_size = int(wiring.units)
        self.output_size = int(wiring.output_dim or wiring.units)
        self.ode_unfolds = int(ode_unfolds)
        self.implicit_param_constraints = implicit_param_constraints
        self.epsilon = float(epsilon)
        self._sensory_buffers(wiring.sensory_adjacency_matrix)
        self._recurrent_buffers(wiring.adjacency_matrix)
        self._parameters_of_synapses('sensory_', len(self.sensory_polarity))
        self._parameters_of_synapses('', len(self.polarity))
        self.gleak = _uniform(self.state_size, 0.001, 1.0)
        self.vleak = _uniform(self.state_size, -0.2, 0.2)
        self.cm = _uniform(self.state_size, 0.4, 0.6)
        self.input_w, self.input_b = _mapping('input_mapping', input_mapping, self.input_size)
        self.output_w, self.output_b = _mapping('output_mapping', output_mapping, self.output_size)

    def _sensory_buffers(self, adjacency: np.ndarray) -> None:
        source, target, polarity = _synapses(adjacency)
        self.register_buffer('sensory_source', source, persistent=False)
        self.register_buffer('sensory_target', target, persistent=False)
        self.register_buffer('sensory_polarity', polarity, persistent=False)

    def _recurrent_buffers(self, adjacency: np.ndarray) -> None:
        source, target, polarity = _synapses(adjacency)
        self.register_buffer('source', source, persistent=False)
        self.register_buffer('target', target, persistent=False)
        self.register_buffer('polarity', polarity, persistent=False)

    def _parameters_of_synapses(self, prefix: str, count: int) -> None:
        self.register_parameter(prefix + 'mu', _uniform(count, 0.3, 0.8))
        self.register_parameter(prefix + 'sigma', _uniform(count, 3.0, 8.0))
        self.register_parameter(prefix + 'w', _uniform(count, 0.001, 1.0))
        self.register_parameter(prefix + 'erev', nn.Parameter(torch.ones(count)))

    def forward(self, inputs: Tensor, states: Tensor,
                elapsed_time: Union[Tensor, float] = 1.0) -> Tuple[Tensor, Tensor]:
        """Step from states [B, units] with inputs [B, I] over elapsed_time (number, [], [B] or [B, 1]; above 0).

        :return: output [B, motor neurons] and the new state [B, units].
        """
        return self._step(inputs, states, elapsed_time)

    def prepare(self) -> List[Tensor]:
        """Return the matrices of both kinds of synapses, the leak [2 units] and the inertia [2 units].

        ``gather`` and ``shift`` turn states into the arguments of all sigmoids, ``spread`` turns the sigmoids into
        the numerator and the denominator of all neurons at once: the first and the second half of 2 units columns.
        """
        sensory_scale = self.sensory_sigma
        sensory_shift = -self.sensory_sigma * self.sensory_mu
        if self.input_b is not None:
            sensory_shift = sensory_shift + self.sensory_sigma * self.input_b[self.sensory_source]
        if self.input_w is not None:
            sensory_scale = sensory_scale * self.input_w[self.sensory_source]
        sensory_spread = _spread(self.sensory_target, self.sensory_w.abs(),
                                 self.sensory_polarity * self.sensory_erev.abs(), self.state_size)
        spread = _spread(self.target, self.w.abs(), self.polarity * self.erev.abs(), self.state_size)
        gleak = self.gleak.abs()
        leak = torch.cat([gleak * self.vleak, gleak + self.epsilon])
        inertia = self.cm.abs() * self.ode_unfolds
        return [_gather(self.sensory_source, sensory_scale, self.input_size), sensory_shift, sensory_spread, leak,
                _gather(self.source, self.sigma, self.state_size), -self.sigma * self.mu, spread,
                torch.cat([torch.zeros_like(inertia), inertia])]

    def drive(self, prepared: List[Tensor], inputs: Tensor) -> Tensor:
        """Return what inputs [N, I] and leak add to numerator and denominator, [N, 2 units]."""
        gather, shift, spread, leak = prepared[0], prepared[1], prepared[2], prepared[3]
        return torch.addmm(leak, torch.addmm(shift, inputs, gather).sigmoid_(), spread)

    def advance(self, prepared: List[Tensor], drive: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the state [B, units] after ``elapsed`` [B or 1, 1]."""
        gather, shift, spread = prepared[4], prepared[5], prepared[6]
        inertia = prepared[7][self.state_size:] / elapsed
        drive = torch.addcdiv(drive, prepared[7], elapsed)
        for _ in range(self.ode_unfolds):
            firing = torch.addmm(shift, state, gather).sigmoid_()
            numerator, denominator = torch.addmm(drive, firing, spread).chunk(2, 1)
            state = torch.addcmul(numerator, inertia, state) / denominator
        return state

    def read(self, state: Tensor) -> Tensor:
        """Return the output [..., motor neurons] of a state [..., units]."""
        output = state[..., :self.output_size]
        if self.output_w is not None:
            output = output * self.output_w
        if self.output_b is not None:
            output = output + self.output_b
        return output

    @torch.jit.export
    def system_time_constant(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Return how fast each neuron follows its inputs now, [B, units], in nominal periods.

        ``tau_sys = 1 / (1/tau + (1/C) sum w s)`` with ``tau = C/g`` (Hasani et al. 2021).
        """
        prepared = self.prepare()
        firing = torch.addmm(prepared[5], state, prepared[4]).sigmoid_()
        conductance = torch.addmm(self.drive(prepared, inputs), firing, prepared[6])[:, self.state_size:]
        return self.cm.abs() / conductance

    @torch.jit.unused
    def apply_weight_constraints(self) -> None:
        """Make the raw values of w, gleak and cm positive; this changes nothing that the cell computes."""
        for parameter in (self.w, self.sensory_w, self.gleak, self.cm):
            parameter.data.abs_()


def _synapses(adjacency: np.ndarray) -> Tuple[Tensor, Tensor, Tensor]:
    """Return source [N], target [N] and polarity [N] of the synapses in a matrix, row by row."""
    source, target = np.nonzero(adjacency)
    polarity = torch.from_numpy(adjacency[source, target].astype(np.float32))
    return torch.from_numpy(source), torch.from_numpy(target), polarity


def _uniform(count: int, low: float, high: float) -> nn.Parameter:
    return nn.Parameter(torch.rand(count) * (high - low) + low)


def _mapping(name: str, kind: Optional[str], size: int) -> Tuple[Optional[nn.Parameter], Optional[nn.Parameter]]:
    """Return scale and offset of a mapping, None where it has none."""
    if kind not in MAPPINGS:
        raise InputError(f"{name} is {kind!r}; give 'affine', 'linear' or None")
    scale = nn.Parameter(torch.ones(size)) if kind is not None else None
    return scale, nn.Parameter(torch.zeros(size)) if kind == 'affine' else None


def _gather(source: Tensor, sigma: Tensor, sources: int) -> Tensor:
    """Return the matrix [sources, N] with the slope of synapse n in column n, at the row of its source."""
    empty = torch.zeros((sources, sigma.size(0)), dtype=sigma.dtype, device=sigma.device)
    return empty.scatter(0, source.unsqueeze(0), sigma.unsqueeze(0))


def _spread(target: Tensor, w: Tensor, reversal: Tensor, units: int) -> Tensor:
    """Return the matrix [N, 2 units] that adds up w E (left half) and w (right half) at every target."""
    empty = torch.zeros((w.size(0), 2 * units), dtype=w.dtype, device=w.device)
    columns = torch.stack([target, target + units], 1)
    return empty.scatter(1, columns, torch.stack([w * reversal, w], 1))
