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

"""CfC: the formulas, and a wired CfC whose Jacobian is zero where there is no path of synapses."""
import numpy as np
import pytest
import torch

from liquid_control.errors import InputError
from liquid_control.liquid import CfC, CfCCell, LSTMCell, MixedMemoryCell, WiredCfCCell, wirings

MODES = ('default', 'pure', 'no_gate')


class Skipping(wirings.Wiring):
    """Three layers in odd order with a synapse that skips one, one that goes back and one to itself."""

    def __init__(self):
        super().__init__(5)
        self.set_output_dim(2)
        for source, target in ((4, 2), (2, 0), (4, 0), (3, 1), (0, 4), (1, 1), (2, 3)):
            self.add_synapse(source, target, 1)

    @property
    def num_layers(self):
        return 3

    def get_neurons_of_layer(self, layer_id):
        return [[4, 2], [3], [0, 1]][layer_id]

    def _draw(self):
        for source, target in ((0, 4), (1, 3), (2, 0)):
            self.add_sensory_synapse(source, target, 1)


WIRINGS = {
    'car': (wirings.car_ncp, 32),
    'ncp': (lambda: wirings.NCP(7, 4, 2, 3, 2, 3, 2, seed=1), 5),
    'auto': (lambda: wirings.AutoNCP(14, 3, 0.6, seed=4), 6),
    'random': (lambda: wirings.Random(9, 3, 0.7, random_seed=2), 4),
    'full': (lambda: wirings.FullyConnected(6, 2), 3),
    'no_self': (lambda: wirings.FullyConnected(6, 2, self_connections=False), 3),
    'skipping': (Skipping, 3),
}


def paths_of_one_step(wiring):
    """Return which inputs and which old states reach each new state in one step: [inputs + units, units], bool."""
    layer = np.zeros(wiring.units, dtype=int)
    for number in range(wiring.num_layers):
        layer[wiring.get_neurons_of_layer(number)] = number
    synapse = wiring.adjacency_matrix != 0
    fresh = synapse & (layer[:, None] < layer[None, :])
    reach = np.concatenate([wiring.sensory_adjacency_matrix != 0, synapse & ~fresh])
    for _ in range(wiring.num_layers):
        reach = reach | (reach.astype(int) @ fresh.astype(int) > 0)
    return reach


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('name', WIRINGS)
def test_jacobian_of_a_wired_cfc_has_the_support_of_its_wiring(name, mode):
    make, inputs = WIRINGS[name]
    wiring = make()
    torch.manual_seed(0)
    cell = WiredCfCCell(inputs, wiring, mode).double()

    def step(both):
        return cell(both[:, :inputs], both[:, inputs:], 1.3)[1]

    jacobian = torch.zeros(inputs + wiring.units, wiring.units).double()
    for _ in range(3):  # several points: one may hit a zero by chance
        point = torch.randn(1, inputs + wiring.units).double()
        jacobian += torch.autograd.functional.jacobian(step, point)[0, :, 0].t().abs()
    np.testing.assert_array_equal(jacobian.numpy() != 0, paths_of_one_step(wiring))


@pytest.mark.parametrize('mode, gates', [('default', 4), ('no_gate', 4), ('pure', 1)])
def test_only_existing_synapses_are_stored_and_all_are_trained(mode, gates):
    wiring = wirings.car_ncp()
    torch.manual_seed(0)
    cell = WiredCfCCell(None, wiring, mode)
    extra = 2 * 19 if mode == 'pure' else 0
    assert sum(p.numel() for p in cell.parameters()) == gates * (252 + 19) + extra
    _, state = cell.run_sequence(torch.rand(6, 4, 32), torch.rand(6, 19), torch.rand(6, 4, 1) + 0.5)
    (state ** 2).sum().backward()
    for name, parameter in cell.named_parameters():
        assert bool((parameter.grad != 0).all()), name


def dense(cell, prefix, sources):
    """Return the weights of a wired cell as [gates, sources, units] with zeros where there is no synapse."""
    picture = cell.wiring.sensory_adjacency_matrix if prefix else cell.wiring.adjacency_matrix
    matrix = torch.zeros(cell.gates, sources, cell.state_size)
    matrix[:, torch.from_numpy(picture != 0)] = getattr(cell, prefix + 'weight').detach()
    return matrix


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('name', WIRINGS)
def test_wired_step_is_the_formula_neuron_by_neuron(name, mode):
    make, size = WIRINGS[name]
    wiring = make()
    torch.manual_seed(0)
    cell = WiredCfCCell(size, wiring, mode)
    sensory, recurrent = dense(cell, 'sensory_', size), dense(cell, '', wiring.units)
    inputs, state, elapsed = torch.randn(size), torch.randn(wiring.units), 0.7
    new = torch.full((wiring.units,), float('nan'))
    known = []
    for layer in range(wiring.num_layers):
        heard = state.clone()
        heard[known] = new[known]
        for i in wiring.get_neurons_of_layer(layer):
            g = inputs @ sensory[:, :, i].t() + heard @ recurrent[:, :, i].t() + cell.bias[:, i]
            if mode == 'pure':
                amplitude = cell.A[0, i]
                new[i] = amplitude - amplitude * torch.exp(-elapsed * (cell.w_tau[0, i].abs() + g[0].abs())) * g[0]
                continue
            share = torch.sigmoid(g[2] * elapsed + g[3])
            keep = 1.0 if mode == 'no_gate' else 1.0 - share
            new[i] = torch.tanh(g[0]) * keep + torch.tanh(g[1]) * share
        known += wiring.get_neurons_of_layer(layer)
    output, got = cell(inputs[None], state[None], elapsed)
    torch.testing.assert_close(got[0], new.detach())
    torch.testing.assert_close(output[0], got[0, :wiring.output_dim])


@pytest.mark.parametrize('make', [
    lambda mode: CfCCell(4, 6, mode), lambda mode: CfCCell(4, 6, mode, 'silu', 8, 3, 0.2),
    lambda mode: CfCCell(4, 6, mode, backbone_layers=0), lambda mode: WiredCfCCell(4, wirings.AutoNCP(9, 2), mode),
    lambda mode: WiredCfCCell(3, Skipping(), mode), lambda mode: WiredCfCCell(4, wirings.Random(6, 2, 0.5), mode),
    lambda mode: MixedMemoryCell(CfCCell(4, 6, mode)), lambda mode: LSTMCell(4, 6)])
@pytest.mark.parametrize('mode', MODES)
def test_frozen_cells_are_the_same_and_a_sequence_is_its_steps(make, mode):
    torch.manual_seed(0)
    cell = make(mode).eval()
    frozen = torch.jit.freeze(torch.jit.script(cell), preserved_attrs=['run_sequence'])
    inputs, elapsed = torch.rand(3, 5, cell.input_size), torch.rand(3, 5, 1) + 0.1
    with torch.no_grad():
        for batch in (1, 1, 3, 1):
            state = torch.rand(batch, cell.state_size)
            outputs, last = frozen.run_sequence(inputs[:batch], state, elapsed[:batch])
            for t in range(5):
                given = inputs[:batch, t], state, elapsed[:batch, t]
                torch.testing.assert_close(frozen(*given), cell(*given))
                output, state = cell(*given)
                torch.testing.assert_close(outputs[:, t], output)
            torch.testing.assert_close(last, state)
            assert output.shape == (batch, cell.output_size)


def test_mixed_memory_runs_the_lstm_first():
    torch.manual_seed(0)
    cell = MixedMemoryCell(CfCCell(4, 6))
    inputs, state = torch.rand(2, 4), torch.rand(2, 12)
    hc = cell.lstm(inputs, state)[1]
    output, h = cell.rnn_cell(inputs, hc[:, :6], 0.8)
    torch.testing.assert_close(cell(inputs, state, 0.8), (output, torch.cat([h, hc[:, 6:]], 1)))


@pytest.mark.parametrize('units', [7, 'wired'])
def test_layer_projects_and_scripts(units):
    wiring = wirings.AutoNCP(9, 2) if units == 'wired' else units
    layer = CfC(3, wiring, proj_size=4, mixed_memory=True, batch_first=False)
    scripted = torch.jit.script(layer)
    for steps in (2, 6):
        inputs, times = torch.rand(steps, 5, 3), torch.rand(steps, 5) + 0.1
        output, (h, c) = layer(inputs, None, times)
        assert output.shape == (steps, 5, 4) and h.shape == c.shape == (5, layer.state_size)
        torch.testing.assert_close(scripted(inputs, (h, c), times), layer(inputs, (h, c), times))


@pytest.mark.parametrize('call, words', [
    (lambda: CfCCell(3, 4, 'fast'), "mode is 'fast'"),
    (lambda: WiredCfCCell(3, wirings.AutoNCP(9, 2), 'fast'), "mode is 'fast'"),
    (lambda: CfCCell(3, 4, backbone_activation='step'), "activation is 'step'"),
    (lambda: CfCCell(3, 0), '0 units'),
    (lambda: CfCCell(3, 4, backbone_dropout=1.0), 'backbone_dropout is 1.0'),
    (lambda: CfC(3, wirings.AutoNCP(9, 2), backbone_units=5), 'no backbone'),
    (lambda: WiredCfCCell(None, wirings.AutoNCP(9, 2)), 'does not know its inputs'),
])
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
