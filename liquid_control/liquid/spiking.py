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

"""Networks of spiking neurons as cells: liquid ones, and leaky integrate-and-fire ones to compare them with."""
import torch
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.cell import Cell
from liquid_control.liquid.spiking_layers import LeakyReadout, LIFLayer, LiquidReadout, LiquidSpikingLayer


class _SpikingCell(Cell):
    """Layers of spiking neurons, each driving the next within a step, and a readout that integrates the last's spikes.

    ``units`` is the number of neurons that spike. The state [B, S] is the state of each layer (see there), then that of
    the readout, which is the output.
    """

    def _stack(self, input_size: int, layers: list[nn.Module], readout: nn.Module, outputs: int) -> None:
        self.input_size, self.output_size = input_size, outputs
        self.layers, self.readout = nn.ModuleList(layers), readout
        self.units = sum(layer.units for layer in layers)
        self.state_size = sum(layer.state_size for layer in layers) + outputs

    def forward(self, inputs: Tensor, states: Tensor,
                elapsed_time: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """Step from states [B, S] with inputs [B, I] over elapsed_time (number, [], [B] or [B, 1]; above 0).

        :return: output [B, outputs] and the new state [B, S].
        """
        return self._step(inputs, states, elapsed_time)

    def prepare(self) -> list[Tensor]:
        """Return nothing: no step repeats what depends on parameters only."""
        prepared: list[Tensor] = []
        return prepared

    def drive(self, prepared: list[Tensor], inputs: Tensor) -> Tensor:
        """Return the normalised current [N, units] that inputs [N, I] send to the first layer."""
        return self.layers[0].current(inputs)

    def advance(self, prepared: list[Tensor], drive: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the state [B, S] after ``elapsed`` [B or 1, 1]."""
        return self._advance(drive, state, elapsed)[0]

    def _advance(self, drive: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Return the new state and the rates of everything in it, both [B, S]."""
        states: list[Tensor] = []
        rates: list[Tensor] = []
        begin, spikes = 0, drive
        for number, layer in enumerate(self.layers):
            current = drive if number == 0 else layer.current(spikes)
            new, rate = layer.advance(current, state[:, begin:begin + layer.state_size], elapsed)
            begin += layer.state_size
            spikes = layer.spikes(new)
            states.append(new)
            rates.append(rate)
        new, rate = self.readout.advance(spikes, state[:, begin:], elapsed)
        return torch.cat(states + [new], 1), torch.cat(rates + [rate], 1)

    def read(self, state: Tensor) -> Tensor:
        """Return the output [..., outputs] of a state [..., S]."""
        return state[..., self.state_size - self.output_size:]

    def observe(self, inputs: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Step as ``forward`` does with elapsed [B or 1, 1] and tell how fast everything in the state moved.

        :return: output [B, outputs], the new state [B, S] and the time constant of each column of it, [B, S] in nominal
            periods: ``-1 / ln(1 - tau_m)`` of a membrane, ``-1 / ln rho`` of an adaptation.
        """
        state, rates = self._advance(self.drive(self.prepare(), inputs), state, elapsed)
        return self.read(state), state, 1.0 / rates

    @torch.jit.export
    def spikes(self, state: Tensor) -> Tensor:
        """Return the spikes, 0 or 1, [..., neurons], that a state [..., S] tells of, layer by layer."""
        spikes: list[Tensor] = []
        begin = 0
        for layer in self.layers:
            spikes.append(layer.spikes(state[..., begin:begin + layer.state_size]))
            begin += layer.state_size
        return torch.cat(spikes, -1)


class LiquidSpikingCell(_SpikingCell):
    """Liquid time-constant spiking neurons with an adaptive threshold (Yin, Corradi and Bohte 2023).

    The state holds, per layer, membranes u [units] and adaptations b [units], then the readout [outputs].
    """

    def __init__(self, input_size: int, units: int | list[int], outputs: int, slowest: float = 10.0):
        """Make a cell with random parameters.

        :param units: neurons; a list makes a stack of layers.
        :param slowest: time constants at rest begin between 1 and this many nominal periods; longer for longer memory.
        :raises InputError: for sizes below 1 and ``slowest`` not above 1.
        """
        super().__init__()
        sizes = _sizes(input_size, units, outputs)
        if not slowest > 1.0:
            raise InputError(f'slowest is {slowest}; give a time constant above 1 nominal period, 10 is usual')
        layers = [LiquidSpikingLayer(before, size, slowest) for before, size in zip(sizes[:-1], sizes[1:], strict=True)]
        self._stack(input_size, layers, LiquidReadout(sizes[-1], outputs, slowest), outputs)

    def unroll(self, prepared: list[Tensor], drives: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the states [B, T, S] that drives [B, T, units] lead to."""
        if not torch.jit.is_scripting():
            if torch.is_grad_enabled():
                return self._layer_by_layer(drives, state, elapsed)
        return self.step_by_step(prepared, drives, state, elapsed)

    def _layer_by_layer(self, currents: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        states, begin, spikes = [], 0, currents
        for layer in self.layers:
            if states:
                currents = layer.current(spikes.flatten(0, 1)).unflatten(0, spikes.shape[:2])
            states.append(layer.unroll(currents, state[:, begin:begin + layer.state_size], elapsed))
            spikes, begin = layer.spikes(states[-1]), begin + layer.state_size
        return torch.cat([*states, self.readout.unroll(spikes, state[:, begin:], elapsed)], 2)


class LIFCell(_SpikingCell):
    """Leaky integrate-and-fire neurons: one fixed time constant and threshold; to compare liquid ones with.

    The state holds, per layer, membranes u [units], then the readout [outputs].
    """

    def __init__(self, input_size: int, units: int | list[int], outputs: int, tau: float = 10.0):
        """Make a cell with random parameters.

        :param units: neurons; a list makes a stack of layers.
        :param tau: time constant of membranes and readout in nominal periods.
        :raises InputError: for sizes below 1 and ``tau`` not above 0.
        """
        super().__init__()
        sizes = _sizes(input_size, units, outputs)
        if not tau > 0.0:
            raise InputError(f'tau is {tau}; give a time constant above 0 nominal periods, 10 is usual')
        layers = [LIFLayer(before, size, tau) for before, size in zip(sizes[:-1], sizes[1:], strict=True)]
        self._stack(input_size, layers, LeakyReadout(sizes[-1], outputs, tau), outputs)


def _sizes(input_size: int, units: int | list[int], outputs: int) -> list[int]:
    """Return inputs and units of each layer."""
    sizes = [input_size, *([units] if isinstance(units, int) else units)]
    if len(sizes) < 2 or min(*sizes, outputs) < 1:
        raise InputError(f'{input_size} inputs, units {units} and {outputs} outputs: give 1 or more of each')
    return sizes
