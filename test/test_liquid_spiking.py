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

"""Liquid spiking neurons against the definition written out in numpy, and against snnTorch where it has the same."""
import numpy as np
import pytest
import torch

from liquid_control.errors import InputError
from liquid_control.liquid import LIFCell, LiquidSpikingCell
from liquid_control.liquid.running_norm import RunningNorm
from liquid_control.liquid.spike import spike


def cell_of(kind: type, units=(7, 5)) -> torch.nn.Module:
    torch.manual_seed(3)
    cell = kind(6, list(units), 2).double()
    cell.run_sequence(torch.randn(64, 9, 6).double(), torch.zeros(64, cell.state_size).double(),
                      torch.ones(1, 9, 1).double())
    return cell.eval()


CELLS = {kind.__name__: cell_of(kind) for kind in (LiquidSpikingCell, LIFCell)}


@pytest.fixture(params=CELLS)
def cell(request) -> torch.nn.Module:
    return CELLS[request.param]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def test_the_liquid_cell_is_the_definition_step_by_step():
    """As the paper has it: the membrane is reset in its own step and the spike is kept beside it."""
    cell = CELLS['LiquidSpikingCell']
    values = {name: value.numpy() for name, value in cell.state_dict().items()}

    def linear(name: str, *x: np.ndarray) -> np.ndarray:
        return values[f'{name}.weight'] @ np.concatenate(x) + values[f'{name}.bias']

    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(60, 6))
    kept = [[np.zeros(units) for _ in range(3)] for units in (7, 5)]
    readout, state, spiked = np.zeros(2), torch.zeros(1, cell.state_size).double(), 0
    for x in inputs:
        arriving = x
        for number, layer in enumerate(kept):
            at = f'layers.{number}.'
            u, b, fired = layer
            current = values[at + 'weight'] @ arriving - values[at + 'norm.mean']
            current = current / np.sqrt(values[at + 'norm.variance'] + 1e-5) * values[at + 'norm.weight']
            current = current + values[at + 'norm.bias'] + values[at + 'recurrent'] @ fired
            tau_m, rho = sigmoid(linear(at + 'membrane_gate', current, u)), sigmoid(
                -linear(at + 'adaptation_gate', current, b))
            b = rho * b + (1.0 - rho) * fired
            u = u + tau_m * (current - u)
            fired = (u > 0.1 + 1.8 * b).astype(float)
            layer[:] = (1.0 - fired) * u, b, fired
            arriving = fired
            spiked += int(fired.sum())
        target = linear('readout.map', arriving)
        readout = readout + sigmoid(linear('readout.gate', target, readout)) * (target - readout)
        output, state = cell(torch.from_numpy(x)[None], state)
        np.testing.assert_allclose(output[0].detach().numpy(), readout, atol=1e-12)
        np.testing.assert_array_equal(cell.spikes(state)[0].detach().numpy(), np.concatenate([row[2] for row in kept]))
    assert 30 < spiked < 600


def test_a_sequence_is_its_steps_and_a_frozen_script_the_same(cell):
    inputs, elapsed = torch.randn(3, 8, 6).double(), 0.5 + torch.rand(3, 8, 1).double()
    start = torch.rand(3, cell.state_size).double()
    outputs, last = cell.run_sequence(inputs, start, elapsed)
    scripted = torch.jit.script(cell)
    torch.testing.assert_close(scripted.run_sequence(inputs, start, elapsed), (outputs, last), rtol=0.0, atol=1e-12)
    frozen, state = torch.jit.freeze(scripted), start
    with torch.inference_mode():
        for step in range(8):
            output, state = frozen(inputs[:, step], state, elapsed[:, step])
            torch.testing.assert_close(output, outputs[:, step].detach(), rtol=0.0, atol=1e-12)
        torch.testing.assert_close(state, last.detach(), rtol=0.0, atol=1e-12)


def test_a_script_learns_as_eager_code_does(cell):
    inputs, elapsed = torch.randn(4, 6, 6).double(), torch.ones(1, 6, 1).double()
    gradients = []
    for version in cell, torch.jit.script(cell):
        for _ in range(3):  # the third call runs the optimised graph
            output, _ = version.run_sequence(inputs, torch.zeros(4, cell.state_size).double(), elapsed)
        gradients.append(torch.autograd.grad(output.square().sum(), list(version.parameters())))
    for eager, scripted in zip(*gradients, strict=True):
        assert eager.abs().max() > 0.0
        torch.testing.assert_close(scripted, eager, rtol=1e-9, atol=1e-12)


def test_spikes_are_exactly_0_or_1_and_learn_through_the_multi_gaussian():
    distance = torch.linspace(-6.0, 6.0, 2001, dtype=torch.double, requires_grad=True)
    spikes = spike(distance)
    assert torch.equal(spikes, (distance > 0.0).double())
    slope, = torch.autograd.grad(spikes.sum(), distance)

    def normal(x: np.ndarray, deviation: float) -> np.ndarray:
        return np.exp(-x**2 / (2.0 * deviation**2)) / np.sqrt(2.0 * np.pi) / deviation

    x = distance.detach().numpy()
    expected = 0.5 * (1.15 * normal(x, 0.3) - 0.15 * normal(x - 0.3, 1.8) - 0.15 * normal(x + 0.3, 1.8))
    np.testing.assert_allclose(slope.numpy(), expected, atol=1e-15)
    assert slope.min() < 0.0


def test_a_long_step_is_the_short_ones_while_nothing_changes():
    """Without spikes and with gates that do not listen, two periods at once are one and one."""
    cell = cell_of(LiquidSpikingCell, [4])
    with torch.no_grad():
        for gate in cell.layers[0].membrane_gate, cell.layers[0].adaptation_gate, cell.readout.gate:
            gate.weight.zero_()
        cell.layers[0].norm.bias.fill_(-50.0)
    inputs, state = torch.randn(2, 6).double(), torch.rand(2, cell.state_size).double() - 1.0
    state[:, 4:8] = 1.0
    once = cell(inputs, state, 2.5)[1]
    twice = cell(inputs, cell(inputs, state, 1.0)[1], 1.5)[1]
    assert not cell.spikes(once).any()
    torch.testing.assert_close(once, twice, rtol=0.0, atol=1e-12)
    assert (once[:, 4:8] < state[:, 4:8]).all()


def test_time_constants_are_those_by_which_the_state_moves():
    cell = cell_of(LiquidSpikingCell, [5])
    inputs, state, elapsed = torch.randn(1, 6).double(), torch.zeros(1, cell.state_size).double(), torch.ones(1, 1)
    output, after, periods = cell.observe(inputs, state, elapsed.double())
    assert torch.equal(after, cell(inputs, state)[1]) and torch.equal(output, after[:, -2:])
    current = cell.drive(cell.prepare(), inputs)
    torch.testing.assert_close(after[:, :5], current * (1.0 - torch.exp(-1.0 / periods[:, :5])), rtol=0.0, atol=1e-12)


def test_time_constants_at_rest_begin_between_one_and_the_slowest():
    gate = LiquidSpikingCell(3, 4000, 1, slowest=100.0).layers[0].membrane_gate
    periods = 1.0 / torch.nn.functional.softplus(gate.bias.detach())
    assert 1.0 <= periods.min() < 1.1 and 90.0 < periods.max() <= 100.1
    assert float(periods.log10().mean()) == pytest.approx(1.0, abs=0.05)


def test_normalisation_sees_in_training_what_it_uses_while_driving_one_at_a_time():
    torch.manual_seed(4)
    norm, inputs = RunningNorm(3), 5.0 + 2.0 * torch.randn(20_000, 3)
    for x in inputs[:, None]:
        learned = norm(x)
    assert torch.equal(norm.eval()(x), learned)
    together = RunningNorm(3)
    together(inputs)
    torch.testing.assert_close(together.mean, norm.mean, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(together.variance, norm.variance, rtol=1e-3, atol=1e-3)
    before = together.mean.clone()
    assert float(norm(inputs).detach().std()) == pytest.approx(1.0, abs=0.3)
    assert torch.equal(together.eval()(inputs), together(inputs)) and torch.equal(before, together.mean)


@pytest.mark.parametrize('wrong', [dict(units=0), dict(units=[]), dict(outputs=0), dict(slowest=1.0)])
def test_sizes_that_make_no_network_are_refused(wrong):
    with pytest.raises(InputError, match='give'):
        LiquidSpikingCell(**{'input_size': 3, 'units': 4, 'outputs': 1, **wrong})


def leaky(tau: float):
    """Return snnTorch's neuron with our threshold, reset and surrogate; it does not weigh its input with 1 - beta."""
    snntorch = pytest.importorskip('snntorch', reason='snntorch is not installed: pip install snntorch')
    beta = float(np.exp(-1.0 / tau))
    return beta, snntorch.Leaky(beta=beta, threshold=0.1, reset_mechanism='zero', spike_grad=spike).double()


def lif_of(inputs: int, units: int, tau: float) -> LIFCell:
    torch.manual_seed(5)
    cell = LIFCell(inputs, units, 1, tau).double()
    with torch.no_grad():
        cell.layers[0].recurrent.zero_()
    return cell.eval()


def test_the_lif_neuron_is_that_of_snntorch():
    beta, peer = leaky(tau=6.0)
    cell = lif_of(8, 8, 6.0)
    state, membrane, spiked = torch.zeros(4, cell.state_size).double(), torch.zeros(4, 8).double(), 0.0
    for _ in range(100):
        x = torch.randn(4, 8).double()
        _, state = cell(x, state)
        spikes, membrane = peer((1.0 - beta) * cell.layers[0].current(x), membrane)
        torch.testing.assert_close(state[:, :8], membrane, rtol=0.0, atol=1e-5)
        assert torch.equal(cell.spikes(state), spikes)
        spiked += float(spikes.sum())
    assert 200 < spiked < 3000


def test_learning_with_the_lif_neuron_goes_as_with_that_of_snntorch():
    """Thirty steps of Adam through time on the same task, each network with weights of its own."""
    beta, peer = leaky(tau=6.0)
    inputs = torch.randn(16, 12, 8).double()
    target = inputs[:, :, :2].cumsum(1).sum(2) / 12.0
    curves = []
    for ours in True, False:
        cell = lif_of(8, 20, 6.0)
        learned = [cell.layers[0].weight, cell.readout.map.weight, cell.readout.map.bias]
        optimiser = torch.optim.Adam(learned, 0.01)
        losses = []
        for _ in range(30):
            if ours:
                start = torch.zeros(16, cell.state_size).double()
                outputs = cell.run_sequence(inputs, start, torch.ones(1, 12, 1).double())[0].squeeze(2)
            else:
                outputs = _run_peer(peer, beta, cell, inputs)
            loss = (outputs - target).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        curves.append(losses)
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-5)
    assert curves[0][-1] < 0.7 * curves[0][0]


def _run_peer(peer: torch.nn.Module, beta: float, cell: LIFCell, inputs: torch.Tensor) -> torch.Tensor:
    """Return the readout [B, T] of snnTorch's neurons between the weights of a cell."""
    membrane, value, outputs = torch.zeros(16, 20).double(), torch.zeros(16, 1).double(), []
    for x in inputs.unbind(1):
        spikes, membrane = peer((1.0 - beta) * cell.layers[0].current(x), membrane)
        value = beta * value + (1.0 - beta) * cell.readout.map(spikes)
        outputs.append(value[:, 0])
    return torch.stack(outputs, 1)
