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

"""Equal to the library ncps wherever both define the same thing; ncps is needed for these tests only."""
import numpy as np
import pytest
import torch

from liquid_control.errors import InputError
from liquid_control.liquid import CfC, CfCCell, LTC, LTCCell, WiredCfCCell, load_ncps_weights, wirings

pytest.importorskip('ncps', reason='ncps is not installed (pip install ncps)')
import ncps.torch as peer  # noqa: E402
import ncps.wirings as peer_wirings  # noqa: E402

CLOSE = {'rtol': 0.0, 'atol': 1e-5}
DRAWS = [('NCP', (12, 6, 1, 6, 4, 6, 6)), ('NCP', (5, 9, 3, 1, 1, 8, 1)), ('AutoNCP', (19, 1)),
         ('AutoNCP', (30, 4, 0.8, 11)), ('FullyConnected', (7, 3)), ('FullyConnected', (5, None, 3, False)),
         ('Random', (11, 2, 0.7, 5)), ('Random', (6,))]


def both(name, arguments, inputs=None):
    pair = getattr(wirings, name)(*arguments), getattr(peer_wirings, name)(*arguments)
    if inputs:
        for wiring in pair:
            wiring.build(inputs)
    return pair


@pytest.mark.parametrize('inputs', [1, 8])
@pytest.mark.parametrize('name, arguments', DRAWS)
def test_wirings_draw_the_same_synapses(name, arguments, inputs):
    ours, theirs = both(name, arguments, inputs)
    np.testing.assert_array_equal(ours.adjacency_matrix, theirs.adjacency_matrix)
    np.testing.assert_array_equal(ours.sensory_adjacency_matrix, theirs.sensory_adjacency_matrix)
    assert ours.synapse_count == theirs.synapse_count
    assert [ours.get_neurons_of_layer(i) for i in range(ours.num_layers)] == \
        [theirs.get_neurons_of_layer(i) for i in range(theirs.num_layers)]
    assert [ours.get_type_of_neuron(i) for i in range(ours.units)] == \
        [theirs.get_type_of_neuron(i) for i in range(ours.units)]


@pytest.mark.parametrize('mapping', ['affine', 'linear', None])
@pytest.mark.parametrize('implicit', [False, True])
@pytest.mark.parametrize('name, arguments', DRAWS)
def test_ltc_cell(name, arguments, implicit, mapping):
    torch.manual_seed(0)
    ours, theirs = both(name, arguments)
    options = {'input_mapping': mapping, 'output_mapping': mapping, 'implicit_param_constraints': implicit}
    theirs, ours = peer.LTCCell(theirs, 8, **options), LTCCell(ours, 8, **options)
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.mul_(torch.rand_like(parameter) + 0.5).add_(0.05)
    for prefix in ('', 'sensory_'):  # no synapse, no reversal potential
        getattr(theirs, prefix + 'erev').data.mul_(getattr(theirs, prefix + 'sparsity_mask'))
    theirs.erev.data.abs_().mul_(torch.from_numpy(theirs._wiring.adjacency_matrix))
    theirs.sensory_erev.data.abs_().mul_(torch.from_numpy(theirs._wiring.sensory_adjacency_matrix))
    load_ncps_weights(ours, theirs.state_dict())
    inputs, state = torch.randn(5, 8), torch.randn(5, ours.state_size)
    for elapsed in (0.1, 1.0, 7.0, torch.rand(5, 1) + 0.2):
        for got, expected in zip(ours(inputs, state, elapsed), theirs(inputs, state, elapsed), strict=True):
            torch.testing.assert_close(got, expected, **CLOSE)


LAYERS = [(kind, options) for kind in ('LTC', 'CfC') for options in (
    {}, {'mixed_memory': True}, {'return_sequences': False}, {'batch_first': False},
    {'batch_first': False, 'mixed_memory': True, 'return_sequences': False})]
LAYERS += [('CfC', {'mode': mode, 'proj_size': 3, 'activation': activation, 'backbone_units': 20,
                    'backbone_layers': layers})
           for mode, activation, layers in (('default', 'silu', 2), ('pure', 'relu', 1), ('no_gate', 'gelu', 3),
                                            ('pure', 'tanh', 0), ('no_gate', 'lecun_tanh', 1))]


@pytest.mark.parametrize('kind, options', LAYERS)
def test_layer(kind, options):
    torch.manual_seed(0)
    theirs = getattr(peer, kind)(8, 10, **options).eval()
    ours = {'LTC': LTC, 'CfC': CfC}[kind](8, 10, **options).eval()
    load_ncps_weights(ours, theirs.state_dict())
    inputs = torch.randn(4, 6, 8)
    first = torch.rand(4, 10)
    hx = (first, torch.rand(4, 10)) if options.get('mixed_memory') else first
    inputs = inputs if options.get('batch_first', True) else inputs.transpose(0, 1)
    times = torch.rand(6) + 0.5
    # ncps takes one time per step for all samples only as one row per step
    shared = times[None].expand(1, 6) if options.get('batch_first', True) else times[:, None]
    for given in ((inputs,), (inputs, hx)):
        compare(ours(*given), theirs(*given))
    compare(ours(inputs, hx, times), theirs(inputs, hx, shared))
    if not options.get('mixed_memory'):
        compare(ours(inputs[:, 0] if inputs.shape[0] == 6 else inputs[0], first[0]),
                theirs(inputs[:, 0] if inputs.shape[0] == 6 else inputs[0], first[0]))


def compare(ours, theirs):
    torch.testing.assert_close(ours, theirs, check_stride=False, **CLOSE)


@pytest.mark.parametrize('layer', [LTC, CfC])
def test_layer_with_a_wiring_and_mixed_memory(layer):
    """An NCP in an LTC; for the CfC a full wiring, where ncps has no connection that the wiring lacks."""
    torch.manual_seed(0)
    ours, theirs = both('AutoNCP', (16, 3)) if layer is LTC else both('FullyConnected', (9,))
    theirs = getattr(peer, layer.__name__)(8, theirs, mixed_memory=True)
    ours = layer(8, ours, mixed_memory=True)
    load_ncps_weights(ours, theirs.state_dict())
    inputs = torch.randn(4, 6, 8)
    compare(ours(inputs), theirs(inputs))


def full_layers(module):
    """Return an NCP of one of the two libraries with every synapse that ncps's wired CfC uses."""
    wiring = module.NCP(5, 4, 2, 5, 4, 1, 4)
    wiring.build(3)
    for layer in range(3):
        neurons = wiring.get_neurons_of_layer(layer)
        for source in neurons:
            for target in neurons:
                wiring.add_synapse(source, target, 1)
    return wiring


@pytest.mark.parametrize('mode', ['default', 'pure', 'no_gate'])
def test_wired_cfc_where_the_wiring_has_every_synapse_that_ncps_uses(mode):
    torch.manual_seed(0)
    theirs = peer.WiredCfCCell(3, full_layers(peer_wirings), mode)
    ours = WiredCfCCell(3, full_layers(wirings), mode)
    load_ncps_weights(ours, theirs.state_dict())
    inputs, state = torch.randn(6, 3), torch.randn(6, 11)
    order = [neuron for layer in range(3) for neuron in ours.wiring.get_neurons_of_layer(layer)]
    output, new = ours(inputs, state, 0.6)
    expected_output, expected = theirs(inputs, state[:, order], 0.6)  # ncps's state is in the order of its layers
    torch.testing.assert_close(output, expected_output, **CLOSE)
    torch.testing.assert_close(new[:, order], expected, **CLOSE)


def test_weights_that_cannot_be_kept_are_refused():
    ours, theirs = both('AutoNCP', (12, 2), 5)
    cell = peer.LTCCell(theirs)
    with pytest.raises(InputError, match='connections that the wiring does not have'):
        load_ncps_weights(WiredCfCCell(5, ours), peer.WiredCfCCell(5, both('AutoNCP', (12, 2))[1]).state_dict())
    with pytest.raises(InputError, match='are not those of the wiring'):
        load_ncps_weights(LTCCell(wirings.AutoNCP(12, 2, seed=5), 5), cell.state_dict())
    with pytest.raises(InputError, match="have no 'gleak'"):
        load_ncps_weights(LTCCell(ours), {})
    with pytest.raises(InputError, match='do not fit'):
        load_ncps_weights(CfCCell(3, 4), peer.CfCCell(3, 5).state_dict())
    cell.erev.data.neg_()
    with pytest.raises(InputError, match='changed their polarity'):
        load_ncps_weights(LTCCell(ours), cell.state_dict())
