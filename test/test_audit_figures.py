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

"""The figures of an audit, each against an answer known from elsewhere."""
import math

import numpy as np
import pytest
import torch

from liquid_control.audit.correlation import correlations
from liquid_control.audit.lipschitz import of_the_step, over_time
from liquid_control.audit.pca import principal_components
from liquid_control.audit.recorder import neuron_names
from liquid_control.audit.saliency import input_gradients, visual_backprop, visual_backprop_maps
from liquid_control.audit.ssim import structural_similarity
from liquid_control.audit.stability import least_stable
from liquid_control.audit.time_constants import meaning, time_constants
from liquid_control.learning.simulated import new_policy
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.wired_cfc import WiredCfCCell
from liquid_control.liquid.wirings import Wiring, car_ncp


def one_neuron(**options) -> LTCCell:
    """An LTC of one neuron with one input: g .2, C .5, w .6, sigma 2, mu .4, E 1."""
    wiring = Wiring(1)
    wiring.set_output_dim(1)
    wiring.build(1)
    wiring.add_sensory_synapse(0, 0, 1)
    cell = LTCCell(wiring, input_mapping=None, output_mapping=None, **options)
    values = {'gleak': 0.2, 'vleak': 0.1, 'cm': 0.5, 'sensory_w': 0.6, 'sensory_sigma': 2.0, 'sensory_mu': 0.4,
              'sensory_erev': 1.0}
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).fill_(value)
    return cell


@pytest.mark.parametrize('x', (-2.0, 0.4, 3.0))
def test_the_time_constant_of_one_neuron_is_the_analytic_one(x):
    cell = one_neuron()
    features, state = np.array([[x]], np.float32), np.array([[0.7]], np.float32)
    expected = 1.0 / (0.2 / 0.5 + 0.6 / (1.0 + math.exp(-2.0 * (x - 0.4))) / 0.5)
    assert time_constants(cell, features, state, state)[0, 0] == pytest.approx(expected, rel=1e-5)


def test_a_neuron_is_1_over_e_of_the_way_short_of_its_goal_after_one_time_constant():
    cell = one_neuron(ode_unfolds=3000)
    features = torch.full((1, 1), 0.9)
    start, far = torch.zeros(1, 1), torch.zeros(1, 1)
    tau = time_constants(cell, features.numpy(), start.numpy(), start.numpy())
    with torch.no_grad():
        for _ in range(5):
            _, far = cell(features, far, 20.0)
        _, then = cell(features, start, float(tau[0, 0]))
    assert float((far - then) / (far - start)) == pytest.approx(math.exp(-1.0), rel=2e-3)


def test_the_gate_of_a_cfc_that_hears_nothing_has_the_time_of_its_offset():
    cell = WiredCfCCell(32, car_ncp(32, seed=1))
    with torch.no_grad():
        cell.sensory_weight.zero_()
        cell.weight.zero_()
        cell.bias[2] = torch.linspace(-2.0, 3.0, 19)
    nothing = np.zeros((1, 19), np.float32)
    found = time_constants(cell, np.ones((1, 32), np.float32), nothing, nothing)[0]
    assert found == pytest.approx(1.0 / np.abs(np.linspace(-2.0, 3.0, 19)), rel=1e-4)


def test_the_gate_of_a_cfc_is_what_its_answer_to_more_time_tells():
    torch.manual_seed(2)
    cell = WiredCfCCell(32, car_ncp(32, seed=1)).double()
    features, before = torch.randn(1, 32).double(), 0.5 * torch.randn(1, 19).double()
    with torch.no_grad():
        prepared = cell.prepare()
        gates = cell.drive(prepared, features)
        after = cell.advance(prepared, gates, before, torch.ones(1, 1).double())
        found = time_constants(cell, features.numpy(), after.numpy(), before.numpy())[0]
        first = cell.wiring.get_neurons_of_layer(0)[0]
        f1, f2, t_a, t_b = ((gates + before @ prepared[2])[0, cell.bias_index[gate, first]] for gate in range(4))
        share = torch.sigmoid(t_a + t_b)
    assert float(after[0, first]) == pytest.approx(float(torch.tanh(f1) * (1 - share) + torch.tanh(f2) * share))
    assert found[first] == pytest.approx(1.0 / abs(float(t_a)), rel=1e-6)


def test_those_of_spiking_neurons_are_those_of_the_tick_with_a_name_for_each():
    policy = new_policy('spiking', 'small', 2).eval()
    features, before = torch.randn(4, 32), torch.rand(4, policy.network.state_size)
    _, after, expected = policy.network.observe(features, before, torch.ones(1, 1))
    found = time_constants(policy.network, features.numpy(), after.detach().numpy(), before.numpy())
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-6)
    assert len(neuron_names(policy)) == found.shape[1] and neuron_names(policy)[-1] == 'readout'
    assert 'W [I; u]' in meaning(policy.network).how


def test_a_gru_has_no_time_constants():
    network = new_policy('gru', 'small', seed=0).network
    nothing = np.zeros((2, network.state_size), np.float32)
    assert meaning(network) is None
    assert time_constants(network, np.zeros((2, 32), np.float32), nothing, nothing) is None


def test_the_components_of_an_ellipse_are_its_axes():
    angle = np.linspace(0.0, 2.0 * np.pi, 400, endpoint=False)
    points = np.stack((3.0 * np.cos(angle), np.sin(angle), np.zeros(400)), 1)
    turn = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    found = principal_components(points @ turn + 5.0)
    assert found.shares == pytest.approx([0.9, 0.1, 0.0], abs=1e-9)
    assert found.axes[0] == pytest.approx([0.8, 0.6, 0.0]) and np.abs(found.axes[1]) == pytest.approx([0.6, 0.8, 0.0])
    assert np.abs(found.scores[:, 0]).max() == pytest.approx(3.0)
    assert (found.needed(0.9), found.needed(0.95)) == (1, 2)
    assert found.participation == pytest.approx(1.0 / 0.82)


def test_a_state_that_never_moves_has_no_variance():
    found = principal_components(np.ones((10, 4), np.float32))
    assert not found.shares.any() and found.participation == 0.0


def test_structural_similarity_of_equal_and_of_negative_pictures():
    picture = np.random.default_rng(0).random((40, 50))
    assert structural_similarity(picture, picture) == pytest.approx(1.0)
    assert structural_similarity(picture, 1.0 - picture) < -0.8
    assert 0.0 < structural_similarity(picture, np.clip(picture + 0.1 * picture[::-1], 0, 1)) < 1.0


def test_structural_similarity_of_one_window_is_the_formula():
    rng = np.random.default_rng(1)
    a, b = rng.random((11, 11)), rng.random((11, 11))
    line = np.exp(-np.arange(-5, 6) ** 2 / (2.0 * 1.5**2))
    weight = np.outer(line, line) / line.sum() ** 2
    mean_a, mean_b = (weight * a).sum(), (weight * b).sum()
    var_a, var_b = (weight * (a - mean_a) ** 2).sum(), (weight * (b - mean_b) ** 2).sum()
    covariance = (weight * (a - mean_a) * (b - mean_b)).sum()
    expected = ((2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
                / ((mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)))
    assert structural_similarity(a, b) == pytest.approx(expected, rel=1e-9)


def test_correlations_are_pearsons_and_unknown_where_nothing_moves():
    rng = np.random.default_rng(2)
    command = rng.normal(size=200)
    states = np.stack((command, -2.0 * command + 1.0, rng.normal(size=200), np.full(200, 0.3)), 1)
    found = correlations(states, command)
    assert found[:2] == pytest.approx([1.0, -1.0])
    assert found[2] == pytest.approx(np.corrcoef(states[:, 2], command)[0, 1])
    assert np.isnan(found[3])


def test_the_lipschitz_constant_over_time_is_the_steepest_slope_and_gaps_do_not_count():
    states = np.array([[0.0, 0.0], [1.0, 0.1], [1.5, 0.3], [9.0, 0.3]])
    times, sequence = np.array([0.0, 0.5, 1.0, 1.1]), np.array([0, 0, 0, 1])
    assert over_time(states, times, sequence) == pytest.approx([2.0, 0.4])


def test_a_small_change_moves_no_neuron_more_than_its_local_lipschitz_constant():
    torch.manual_seed(0)
    policy = new_policy('ltc', 'small', seed=0)
    features, before = torch.randn(1, 32), 0.3 * torch.randn(1, 19)
    bound = of_the_step(policy.network, features.numpy(), before.numpy(), np.ones(1, np.float32))[0]
    network, features, before = policy.network.double(), features.double(), before.double()
    most, size = np.zeros(19), 1e-5
    with torch.no_grad():
        base = network(features, before, torch.ones(1, 1).double())[1]
        directions = torch.nn.functional.normalize(torch.randn(4000, 51).double(), dim=1) * size
        after = network(features + directions[:, :32], before + directions[:, 32:], torch.ones(4000, 1).double())[1]
    most = ((after - base).abs().amax(0) / size).numpy()
    assert (most <= bound * 1.001).all() and (most > 0.2 * bound).all()


@pytest.mark.parametrize('head', ('small', 'paper'))
def test_visual_backprop_lights_up_on_the_only_bright_object(head):
    policy = new_policy('cfc', head, seed=0)
    with torch.no_grad():
        for layer in policy.head.convolutions:
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.fill_(1.0 / layer.weight[0].numel())
                layer.bias.zero_()
    picture = np.zeros((144, 192, 3), np.uint8)
    picture[90:102, 40:56] = 255
    found = visual_backprop(policy, picture)
    assert found.shape == (144, 192) and found.dtype == np.float32
    assert found.min() == 0.0 and found.max() == pytest.approx(1.0)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert 86 <= row < 106 and 36 <= column < 60
    assert not found[:48].any() and not found[:, 110:].any()


def test_maps_of_many_pictures_are_those_of_each():
    policy = new_policy('ltc', 'small', seed=1)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 60, 80, 3), dtype=np.uint8)
    together = visual_backprop_maps(policy, pictures)
    for picture, found in zip(pictures, together, strict=True):
        assert visual_backprop(policy, picture) == pytest.approx(found, abs=1e-5)


def test_the_input_gradient_is_nothing_where_no_feature_looks():
    policy = new_policy('ltc', 'small', seed=1)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, 144, 192, 3), dtype=np.uint8)
    rest = rng.normal(size=(2, 6)).astype(np.float32), np.ones(2, np.float32), np.zeros((2, 19), np.float32)
    everywhere = input_gradients(policy, pictures, *rest)
    with torch.no_grad():
        policy.head.dense.weight.view(-1, 32, 3, 9)[..., 4:] = 0.0
    left = input_gradients(policy, pictures, *rest)
    assert everywhere.shape == (2, 144, 192) and not everywhere[:, :48].any() and everywhere[:, 60:, 150:].max() > 0.2
    assert left.max() == pytest.approx(1.0) and left[:, :, 150:].max() < 0.05


def test_the_least_stable_ticks_are_apart():
    times = 0.1 * np.arange(40)
    spread = np.zeros(40)
    spread[[10, 11, 12, 30]] = 5.0, 6.0, 4.0, 1.0
    chosen = least_stable(spread, times, count=3)
    assert chosen[:2] == [11, 30] and len(chosen) == 3
    assert min(abs(times[a] - times[b]) for a in chosen for b in chosen if a != b) >= 0.5 - 1e-9
