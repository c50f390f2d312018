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

"""The peer library's cells with the synapses of ours: its LTC with the same weights, so that both compute the same."""
import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.wired_cfc import WiredCfCCell
from liquid_control.policy.driving_policy import DrivingPolicy


class NcpsNetwork(nn.Module):
    """``ncps.torch.LTCCell`` or ``WiredCfCCell`` with the calls of the networks of a driving policy."""

    def __init__(self, cell: LTCCell | WiredCfCCell) -> None:
        """Copy an LTC that has no mapping of its inputs and outputs, or take a new CfC with the same synapses.

        The weights of a CfC cannot be the same: the time gates and the recurrence of ncps ignore the wiring.

        :raises InputError: if ncps is not installed.
        """
        super().__init__()
        self.state_size = cell.state_size
        if isinstance(cell, WiredCfCCell):
            self.cell = _ncps_cfc(cell)
        else:
            self.cell = _ncps_ltc(cell)
            _copy_weights(cell, self.cell)

    def forward(self, inputs: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step once: inputs (B, I), state (B, S), elapsed (B, 1) in nominal periods."""
        return self.cell(inputs, state, elapsed)

    def run_sequence(self, inputs: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Run inputs (B, T, I), as ``ncps.torch.LTC`` does: one call of the cell for each step."""
        outputs = []
        for t in range(inputs.shape[1]):
            output, state = self.cell(inputs[:, t], state, elapsed[:, t])
            outputs.append(output)
        return torch.stack(outputs, dim=1), state


def ncps_policy(policy: DrivingPolicy) -> DrivingPolicy:
    """Return a copy of an LTC policy whose network is the peer's, in eager torch.

    :raises InputError: if ncps is not installed or the policy's cell is not ltc.
    """
    if policy.spec.cell != 'ltc':
        raise InputError(
            f"the benchmark compares LTC cells, the policy has cell '{policy.spec.cell}'; give an LTC policy")
    return with_ncps_network(policy)


def with_ncps_network(policy: DrivingPolicy) -> DrivingPolicy:
    """Return a copy of an LTC or CfC policy with the network of the peer."""
    peer = copy.deepcopy(policy)
    peer.network = NcpsNetwork(policy.network)
    return peer


def _ncps() -> tuple[Any, Any]:
    try:
        import ncps.torch
        import ncps.wirings
    except ImportError as error:
        raise InputError("the peer library ncps is not installed; pip install 'liquid_control[test]'") from error
    return ncps.torch, ncps.wirings


def _ncps_ltc(cell: LTCCell) -> Any:
    cells, wirings = _ncps()
    wiring = wirings.Wiring(cell.state_size)
    wiring.build(cell.input_size)
    wiring.set_output_dim(cell.output_size)
    for synapse in torch.stack((cell.source, cell.target, cell.polarity.long()), dim=1).tolist():
        wiring.add_synapse(*synapse)
    sensory = (cell.sensory_source, cell.sensory_target, cell.sensory_polarity.long())
    for synapse in torch.stack(sensory, dim=1).tolist():
        wiring.add_sensory_synapse(*synapse)
    return cells.LTCCell(wiring, input_mapping=None, output_mapping=None, ode_unfolds=cell.ode_unfolds)


def _ncps_cfc(cell: WiredCfCCell) -> Any:
    cells, wirings = _ncps()

    class Layered(wirings.Wiring):
        """The wiring of our cell."""

        num_layers = cell.num_layers

        def get_neurons_of_layer(self, layer: int) -> list[int]:
            """Return the neurons of a layer."""
            return list(cell.wiring.get_neurons_of_layer(layer))

    wiring = Layered(cell.state_size)
    wiring.build(cell.input_size)
    wiring.set_output_dim(cell.output_size)
    wiring.adjacency_matrix, wiring.sensory_adjacency_matrix = (
        np.array(matrix) for matrix in (cell.wiring.adjacency_matrix, cell.wiring.sensory_adjacency_matrix))
    return cells.WiredCfCCell(cell.input_size, wiring, cell.mode)


def _copy_weights(ours: LTCCell, theirs: Any) -> None:
    """Write the value of each synapse into the peer's matrices [source, target]; the neurons' vectors are the same."""
    with torch.no_grad():
        for prefix, source, target, polarity in (
                ('', ours.source, ours.target, ours.polarity),
                ('sensory_', ours.sensory_source, ours.sensory_target, ours.sensory_polarity)):
            values = {name: getattr(ours, prefix + name) for name in ('mu', 'sigma')}
            values['w'] = getattr(ours, prefix + 'w').abs()
            values['erev'] = polarity * getattr(ours, prefix + 'erev').abs()
            for name, value in values.items():
                getattr(theirs, prefix + name)[source, target] = value
        theirs.vleak.copy_(ours.vleak)
        theirs.gleak.copy_(ours.gleak.abs())
        theirs.cm.copy_(ours.cm.abs())
