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
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.cell import Cell
from liquid_control.liquid.ltc_sequence import LTCSequence
from liquid_control.liquid.synapses import collect, fire, matrices, synapses_of, table_of, tables
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

    sensory_tabled: Final[bool]
    tabled: Final[bool]

    def __init__(self, wiring: Wiring, in_features: int | None = None, input_mapping: str | None = 'affine',
                 output_mapping: str | None = 'affine', ode_unfolds: int = 6, epsilon: float = 1e-8,
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
        self._place_synapses('sensory_', wiring.sensory_adjacency_matrix)
        self._place_synapses('', wiring.adjacency_matrix)
        self.sensory_tabled = len(self.sensory_slot_source) > 0
        self.tabled = len(self.slot_source) > 0
        self._parameters_of_synapses('sensory_', len(self.sensory_polarity))
        self._parameters_of_synapses('', len(self.polarity))
        self.gleak = _uniform(self.state_size, 0.001, 1.0)
        self.vleak = _uniform(self.state_size, -0.2, 0.2)
        self.cm = _uniform(self.state_size, 0.4, 0.6)
        self.input_w, self.input_b = _mapping('input_mapping', input_mapping, self.input_size)
        self.output_w, self.output_b = _mapping('output_mapping', output_mapping, self.output_size)

    def _place_synapses(self, prefix: str, adjacency: np.ndarray) -> None:
        names = ('source', 'target', 'polarity', 'slot_source', 'slot_synapse')
        for name, value in zip(names, (*synapses_of(adjacency), *table_of(adjacency)), strict=True):
            self.register_buffer(prefix + name, value, persistent=False)

    def _parameters_of_synapses(self, prefix: str, count: int) -> None:
        self.register_parameter(prefix + 'mu', _uniform(count, 0.3, 0.8))
        self.register_parameter(prefix + 'sigma', _uniform(count, 3.0, 8.0))
        self.register_parameter(prefix + 'w', _uniform(count, 0.001, 1.0))
        self.register_parameter(prefix + 'erev', nn.Parameter(torch.ones(count)))

    def forward(self, inputs: Tensor, states: Tensor,
                elapsed_time: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """Step from states [B, units] with inputs [B, I] over elapsed_time (number, [], [B] or [B, 1]; above 0).

        :return: output [B, motor neurons] and the new state [B, units].
        """
        return self._step(inputs, states, elapsed_time)

    def prepare(self) -> list[Tensor]:
        """Return slope, shift and spread of the sensory synapses, the same of the others, leak and inertia.

        Leak [2 units] is what a neuron's own membrane adds to numerator and denominator, inertia [2 units] what its
        capacity adds to the denominator.
        """
        slope = self.sensory_sigma
        shift = -self.sensory_sigma * self.sensory_mu
        if self.input_b is not None:
            shift = shift + self.sensory_sigma * self.input_b[self.sensory_source]
        if self.input_w is not None:
            slope = slope * self.input_w[self.sensory_source]
        w, reversal = self.sensory_w.abs(), self.sensory_polarity * self.sensory_erev.abs()
        if self.sensory_tabled:
            sensory = tables(self.sensory_slot_synapse, self.state_size, slope, shift, w, reversal)
        else:
            sensory = matrices(self.sensory_source, self.sensory_target, self.input_size, self.state_size, slope, shift,
                               w, reversal)
        shift = -self.sigma * self.mu
        w, reversal = self.w.abs(), self.polarity * self.erev.abs()
        if self.tabled:
            recurrent = tables(self.slot_synapse, self.state_size, self.sigma, shift, w, reversal)
        else:
            recurrent = matrices(self.source, self.target, self.state_size, self.state_size, self.sigma, shift, w,
                                 reversal)
        gleak = self.gleak.abs()
        inertia = self.cm.abs() * self.ode_unfolds
        return [sensory[0], sensory[1], sensory[2], recurrent[0], recurrent[1], recurrent[2],
                torch.cat([gleak * self.vleak, gleak + self.epsilon]), torch.cat([torch.zeros_like(inertia), inertia])]

    def drive(self, prepared: list[Tensor], inputs: Tensor) -> Tensor:
        """Return what inputs [N, I] and leak add to numerator and denominator, [N, 2 units]."""
        return collect(prepared[6], fire(inputs, prepared[0], prepared[1], self.sensory_slot_source), prepared[2])

    def advance(self, prepared: list[Tensor], drive: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the state [B, units] after ``elapsed`` [B or 1, 1]."""
        return self._unfold(prepared, drive, state, elapsed)[0]

    def _unfold(self, prepared: list[Tensor], drive: Tensor, state: Tensor,
                elapsed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the state after all unfolds, the denominator of the last one, and the capacity's share of it."""
        slope, shift, spread = prepared[3], prepared[4], prepared[5]
        inertia = prepared[7][self.state_size:] / elapsed
        drive = torch.addcdiv(drive, prepared[7], elapsed)
        denominator = inertia
        for _ in range(self.ode_unfolds):
            firing = fire(state, slope, shift, self.slot_source)
            numerator, denominator = collect(drive, firing, spread).chunk(2, 1)
            state = torch.addcmul(numerator, inertia, state) / denominator
        return state, denominator, inertia

    def unroll(self, prepared: list[Tensor], drives: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the states [B, T, units] that drives [B, T, 2 units] lead to."""
        if not torch.jit.is_scripting():
            if torch.is_grad_enabled() and not self.tabled:
                inertia = (prepared[7][self.state_size:] / elapsed).expand(*drives.shape[:2], self.state_size)
                return LTCSequence.apply(drives, state, inertia, *prepared[3:6], self.ode_unfolds)
        return self.step_by_step(prepared, drives, state, elapsed)

    def read(self, state: Tensor) -> Tensor:
        """Return the output [..., motor neurons] of a state [..., units]."""
        output = state[..., :self.output_size]
        if self.output_w is not None:
            output = output * self.output_w
        if self.output_b is not None:
            output = output + self.output_b
        return output

    def observe(self, inputs: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Step as ``forward`` does with elapsed [B or 1, 1] and tell how fast each neuron followed its inputs.

        :return: output [B, motor neurons], the new state [B, units] and ``tau_sys`` [B, units] in nominal periods, at
            the conductances of the last unfold: a difference and a quotient, what ``system_time_constant`` gives for
            the state that this unfold began with.
        """
        prepared = self.prepare()
        state, denominator, inertia = self._unfold(prepared, self.drive(prepared, inputs), state, elapsed)
        return self.read(state), state, self.cm.abs() / (denominator - inertia)

    @torch.jit.export
    def system_time_constant(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Return how fast each neuron follows its inputs now, [B, units], in nominal periods.

        ``tau_sys = 1 / (1/tau + (1/C) sum w s)`` with ``tau = C/g`` (Hasani et al. 2021).
        """
        prepared = self.prepare()
        firing = fire(state, prepared[3], prepared[4], self.slot_source)
        conductance = collect(self.drive(prepared, inputs), firing, prepared[5])[:, self.state_size:]
        return self.cm.abs() / conductance

    @torch.jit.unused
    def apply_weight_constraints(self) -> None:
        """Make the raw values of w, gleak and cm positive; this changes nothing that the cell computes."""
        for parameter in (self.w, self.sensory_w, self.gleak, self.cm):
            parameter.data.abs_()


def _uniform(count: int, low: float, high: float) -> nn.Parameter:
    return nn.Parameter(torch.rand(count) * (high - low) + low)


def _mapping(name: str, kind: str | None, size: int) -> tuple[nn.Parameter | None, nn.Parameter | None]:
    """Return scale and offset of a mapping, None where it has none."""
    if kind not in MAPPINGS:
        raise InputError(f"{name} is {kind!r}; give 'affine', 'linear' or None")
    scale = nn.Parameter(torch.ones(size)) if kind is not None else None
    return scale, nn.Parameter(torch.zeros(size)) if kind == 'affine' else None
