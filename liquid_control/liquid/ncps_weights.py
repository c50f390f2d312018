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

"""Weights of the library ncps (its torch part) in cells and layers of this one; ncps itself is not needed."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.cfc import CfCCell
from liquid_control.liquid.layers import SequenceLayer
from liquid_control.liquid.lstm import LSTMCell, MixedMemoryCell
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.wired_cfc import WiredCfCCell

Weights = dict[str, Tensor]


def load_ncps_weights(module: nn.Module, weights: Weights) -> None:
    """Copy the state dict of an ncps LTC, CfC, or cell of those, into the same module of this library.

    The wirings must be the same. For an LTC, ``implicit_param_constraints`` must be what the ncps module had.

    :raises InputError: when the weights do not fit, when a synapse has changed its polarity, or when a wired CfC of
        ncps uses connections that its wiring does not have (its time gates and recurrence ignore the wiring).
    """
    try:
        with torch.no_grad():
            _load(module, dict(weights))
    except KeyError as missing:
        raise InputError(f'these weights have no {missing}; give the state dict of the same kind of ncps module') \
            from None
    except RuntimeError as error:
        raise InputError(f'these weights do not fit: {" ".join(str(error).split())}; use the same sizes and wiring') \
            from None


def _load(module: nn.Module, weights: Weights) -> None:
    if isinstance(module, SequenceLayer):
        cell = module.rnn_cell
        if isinstance(cell, MixedMemoryCell):
            cell.lstm.load_state_dict(_below('lstm.', weights))
            cell = cell.rnn_cell
        module.fc.load_state_dict(_below('fc.', weights))
        _load(cell, _below('rnn_cell.', weights))
    elif isinstance(module, LTCCell):
        _load_ltc(module, weights)
    elif isinstance(module, WiredCfCCell):
        _load_wired_cfc(module, weights)
    elif isinstance(module, (CfCCell, LSTMCell)):
        module.load_state_dict(weights)
    else:
        raise InputError(f'{type(module).__name__} has no counterpart in ncps; give an LTC, a CfC or a cell of those')


def _below(prefix: str, weights: Weights) -> Weights:
    return {name[len(prefix):]: value for name, value in weights.items() if name.startswith(prefix)}


def _load_ltc(cell: LTCCell, weights: Weights) -> None:
    for name in ('gleak', 'vleak', 'cm', 'input_w', 'input_b', 'output_w', 'output_b'):
        parameter = getattr(cell, name)
        if parameter is not None:
            _copy(parameter, _positive(cell, name, weights[name]) if name in ('gleak', 'cm') else weights[name])
    for prefix, source, target, polarity, sources in (
            ('sensory_', cell.sensory_source, cell.sensory_target, cell.sensory_polarity, cell.input_size),
            ('', cell.source, cell.target, cell.polarity, cell.state_size)):
        exists = torch.zeros(sources, cell.state_size).index_put((source, target), torch.ones(len(source)))
        if not torch.equal(weights[prefix + 'sparsity_mask'], exists):
            raise InputError(f'the synapses of these weights ({prefix}sparsity_mask) are not those of the wiring; '
                             'use the same wiring and seed')
        for name in ('mu', 'sigma', 'w', 'erev'):
            value = weights[prefix + name][source, target]
            if name == 'erev' and bool((value * polarity < 0).any()):
                raise InputError(f'{int((value * polarity < 0).sum())} synapses of these weights ({prefix}erev) have '
                                 'changed their polarity; a wiring with these polarities is needed')
            _copy(getattr(cell, prefix + name), _positive(cell, prefix + name, value) if name == 'w' else value)


def _positive(cell: LTCCell, name: str, value: Tensor) -> Tensor:
    if cell.implicit_param_constraints:
        return F.softplus(value)
    if bool((value < 0).any()):
        raise InputError(f'{name} of these weights reaches {float(value.min())}, the lowest is 0; '
                         'call apply_weight_constraints() of the ncps module first')
    return value


def _load_wired_cfc(cell: WiredCfCCell, weights: Weights) -> None:
    gates = ('ff1',) if cell.pure else ('ff1', 'ff2', 'time_a', 'time_b')
    layers = [list(cell.wiring.get_neurons_of_layer(layer)) for layer in range(cell.num_layers)]
    sensory = torch.zeros(len(gates), cell.input_size, cell.state_size)
    states = torch.zeros(len(gates), cell.state_size, cell.state_size)
    for number, neurons in enumerate(layers):
        part = _below(f'layer_{number}.', weights)
        for gate, name in enumerate(gates):
            weight = part[f'{name}.weight'] * (part['sparsity_mask'] if name.startswith('ff') else 1.0)
            before, own = weight.split([weight.size(1) - len(neurons), len(neurons)], 1)
            if number == 0:
                sensory[gate][:, neurons] = before.t()
            else:
                states[gate][torch.tensor(layers[number - 1])[:, None], torch.tensor(neurons)] = before.t()
            states[gate][torch.tensor(neurons)[:, None], torch.tensor(neurons)] = own.t()
            cell.bias[gate, neurons] = part[f'{name}.bias']
        if cell.pure:
            cell.w_tau[:, neurons] = part['w_tau']
            cell.A[:, neurons] = part['A']
    _take(cell.sensory_weight, sensory, torch.from_numpy(cell.wiring.sensory_adjacency_matrix).ne(0))
    _take(cell.weight, states, torch.from_numpy(cell.wiring.adjacency_matrix).ne(0))


def _take(parameter: Tensor, dense: Tensor, exists: Tensor) -> None:
    """Copy the values of existing synapses [gates, N] from dense [gates, source, target]."""
    foreign = int(dense[:, ~exists].ne(0).any(0).sum())
    if foreign:
        raise InputError(f'these weights use {foreign} connections that the wiring does not have (in ncps, time gates '
                         'and recurrence ignore the wiring); train the network anew with this wiring')
    _copy(parameter, dense[:, exists])


def _copy(parameter: Tensor, value: Tensor) -> None:
    if parameter.shape != value.shape:
        raise RuntimeError(f'shape {tuple(value.shape)} instead of {tuple(parameter.shape)}')
    parameter.copy_(value)
