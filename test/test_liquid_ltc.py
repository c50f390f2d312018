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

"""LTC: the formula, sparse parameters, polarity, elapsed time, sequences, compiling, shapes."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from liquid_control.errors import InputError
from liquid_control.liquid import LTC, LTCCell, MixedMemoryCell, wirings


def car_cell(seed=0, **options):
    torch.manual_seed(seed)
    return LTCCell(wirings.car_ncp(), input_mapping=None, output_mapping=None, **options)


def by_the_formula(cell, inputs, state, elapsed):
    """Step one sample neuron by neuron and synapse by synapse, as the paper writes it."""
    value = {name: parameter.detach().double() for name, parameter in cell.named_parameters()}
    for _ in range(cell.ode_unfolds):
        inertia = value['cm'] / (elapsed / cell.ode_unfolds)
        numerator = inertia * state + value['gleak'] * value['vleak']
        denominator = inertia + value['gleak']
        for prefix, sources, picture in (('sensory_', inputs, cell.wiring.sensory_adjacency_matrix),
                                         ('', state, cell.wiring.adjacency_matrix)):
            for n, (source, target) in enumerate(zip(*picture.nonzero(), strict=True)):
                s = torch.sigmoid(value[prefix + 'sigma'][n] * (sources[source] - value[prefix + 'mu'][n]))
                numerator[target] += value[prefix + 'w'][n] * s * picture[source, target] * value[prefix + 'erev'][n]
                denominator[target] += value[prefix + 'w'][n] * s
        state = numerator / denominator
    return state


def test_car_cell_has_1065_parameters_in_the_initial_ranges():
    cell = car_cell()
    assert sum(parameter.numel() for parameter in cell.parameters()) == 1065
    assert (cell.input_size, cell.state_size, cell.output_size) == (32, 19, 1)
    ranges = {'mu': (.3, .8), 'sigma': (3, 8), 'w': (.001, 1), 'erev': (1, 1), 'gleak': (.001, 1), 'vleak': (-.2, .2),
              'cm': (.4, .6)}
    for name, parameter in cell.named_parameters():
        low, high = ranges[name.replace('sensory_', '')]
        assert low <= parameter.min() and parameter.max() <= high, name


@pytest.mark.parametrize('elapsed', [0.3, 1.0, 4.0])
def test_step_is_the_formula(elapsed):
    cell = car_cell()
    inputs, state = torch.rand(32).double(), torch.rand(19).double()
    expected = by_the_formula(cell, inputs, state.clone(), elapsed)
    _, new = cell(inputs.float()[None], state.float()[None], torch.tensor([[elapsed]]))
    torch.testing.assert_close(new[0].double(), expected, rtol=0, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10000), scale=st.floats(0.01, 50.0))
def test_polarity_and_positive_quantities_survive_any_parameter_value(seed, scale):
    """Scaled random raw values of either sign: states stay within the reversal potentials, no gradient is dead."""
    cell = car_cell(seed)
    with torch.no_grad():
        for name in ('w', 'sensory_w', 'gleak', 'cm', 'erev', 'sensory_erev'):
            getattr(cell, name).copy_(torch.randn_like(getattr(cell, name)) * scale)
    inputs, state = torch.rand(4, 32), torch.zeros(4, 19)
    new = cell(inputs, state, torch.tensor([[0.5], [1.0], [2.0], [9.0]]))[1].detach()
    reach = max(float(cell.erev.detach().abs().max()), float(cell.sensory_erev.detach().abs().max()), 0.2)
    assert bool(torch.isfinite(new).all()) and float(new.abs().max()) <= reach * 1.001
    before = cell(inputs, state, 1.0)[1]
    cell.apply_weight_constraints()
    torch.testing.assert_close(cell(inputs, state, 1.0)[1], before)


def test_raising_a_reversal_moves_its_target_to_the_side_of_its_polarity():
    cell = car_cell()
    inputs, state = torch.rand(1, 32), torch.rand(1, 19)
    base = cell(inputs, state)[1]
    for n in range(0, 192, 13):
        target = int(cell.sensory_target[n])
        with torch.no_grad():
            cell.sensory_erev[n] *= -3.0  # stronger, and of the other raw sign
        moved = cell(inputs, state)[1][0, target] - base[0, target]
        assert moved * cell.sensory_polarity[n] > 0
        with torch.no_grad():
            cell.sensory_erev[n] /= -3.0


def test_every_parameter_gets_a_gradient_also_where_raw_values_are_negative():
    cell = car_cell()
    with torch.no_grad():
        for name in ('w', 'sensory_w', 'gleak', 'cm'):
            getattr(cell, name).neg_()
    _, state = cell.run_sequence(torch.rand(8, 5, 32), torch.rand(8, 19), torch.rand(8, 5, 1) + 0.5)
    (state ** 2).sum().backward()
    for name, parameter in cell.named_parameters():
        assert bool((parameter.grad != 0).all()), name


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(1)
    cell = LTCCell(wirings.AutoNCP(6, 1, seed=2), 3).double()
    inputs, state, elapsed = torch.rand(2, 3, 3).double(), torch.rand(2, 6).double(), torch.rand(2, 3, 1).double() + .5
    names = [name for name, _ in cell.named_parameters()]

    def run(inputs, state, elapsed, *values):
        return torch.func.functional_call(Sequence(cell), {'cell.' + n: v for n, v in zip(names, values, strict=True)},
                                          (inputs, state, elapsed))

    arguments = [t.clone().detach().requires_grad_() for t in (inputs, state, elapsed, *cell.parameters())]
    assert torch.autograd.gradcheck(run, arguments)


class Sequence(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, inputs, state, elapsed):
        return self.cell.run_sequence(inputs, state, elapsed)


def test_elapsed_may_differ_per_sample_and_step_and_a_sequence_is_its_steps():
    cell = MixedMemoryCell(car_cell())
    inputs, state, elapsed = torch.rand(5, 7, 32), torch.rand(5, 38), torch.rand(5, 7, 1) * 3 + 0.1
    outputs, last = cell.run_sequence(inputs, state, elapsed)
    for row in range(5):
        one = state[row:row + 1]
        for t in range(7):
            output, one = cell(inputs[row:row + 1, t], one, float(elapsed[row, t]))
            torch.testing.assert_close(output[0], outputs[row, t])
        torch.testing.assert_close(one[0], last[row])


def test_longer_elapsed_time_ends_nearer_to_the_resting_state():
    cell = car_cell()
    inputs, state = torch.rand(1, 32), torch.zeros(1, 19)
    rest = cell.run_sequence(inputs[:, None].expand(1, 60, 32), state, torch.ones(1, 60, 1))[1]
    errors = [float((cell(inputs, state, elapsed)[1] - rest).norm().detach()) for elapsed in (0.05, 0.2, 1.0, 4.0)]
    assert errors == sorted(errors, reverse=True) and errors[0] > 2 * errors[-1]


def test_system_time_constant_is_the_formula_and_bounded_by_the_membrane():
    cell = car_cell()
    inputs, state = torch.rand(3, 32), torch.rand(3, 19)
    tau = cell.system_time_constant(inputs, state)
    membrane = cell.cm / cell.gleak
    assert tau.shape == (3, 19) and bool((tau <= membrane * 1.0001).all()) and bool((tau > 0).all())
    drive = torch.zeros(3, 19)
    for prefix, sources, n_source, n_target in (('sensory_', inputs, cell.sensory_source, cell.sensory_target),
                                                ('', state, cell.source, cell.target)):
        value = {name: getattr(cell, prefix + name) for name in ('w', 'sigma', 'mu')}
        firing = value['w'] * torch.sigmoid(value['sigma'] * (sources[:, n_source] - value['mu']))
        drive = drive.index_add(1, n_target, firing)
    torch.testing.assert_close(tau, 1 / (1 / membrane + drive / cell.cm))
    torch.testing.assert_close(torch.jit.script(cell).system_time_constant(inputs, state), tau)


@pytest.mark.parametrize('elapsed', [0.3, 1.0, 10.0])
def test_observing_steps_as_ever_and_tells_the_time_constants_of_the_last_unfold(elapsed):
    cell = car_cell()
    inputs, state, times = torch.rand(3, 32), torch.rand(3, 19), torch.full((3, 1), elapsed)
    output, after, tau = cell.observe(inputs, state, times)
    torch.testing.assert_close((output, after), cell(inputs, state, times))
    most = car_cell(ode_unfolds=5)
    most.load_state_dict(cell.state_dict())
    before_the_last = most(inputs, state, times * 5 / 6)[1]
    torch.testing.assert_close(tau, cell.system_time_constant(inputs, before_the_last), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize('unfolds', [1, 6])
@pytest.mark.parametrize('mixed', [False, True])
def test_scripted_and_frozen_cell_is_the_same_for_any_batch(unfolds, mixed):
    cell = car_cell(ode_unfolds=unfolds)
    cell = (MixedMemoryCell(cell) if mixed else cell).eval()
    frozen = torch.jit.freeze(torch.jit.script(cell), preserved_attrs=['run_sequence'])
    for guard in (torch.inference_mode, torch.no_grad, torch.enable_grad):
        with guard():
            for batch in (1, 1, 1, 4, 1):
                inputs, state, elapsed = torch.rand(batch, 32), torch.rand(batch, cell.state_size), torch.rand(batch, 1)
                torch.testing.assert_close(frozen(inputs, state, elapsed), cell(inputs, state, elapsed))
                inputs, elapsed = torch.rand(batch, batch + 2, 32), torch.rand(batch, batch + 2, 1)
                torch.testing.assert_close(frozen.run_sequence(inputs, state, elapsed),
                                           cell.run_sequence(inputs, state, elapsed))


@pytest.mark.parametrize('wiring', [wirings.FullyConnected(50, 2), wirings.Random(60, 2, 0.6)])
def test_a_large_wiring_is_the_same_and_learns_the_same_as_synapse_by_synapse(wiring):
    torch.manual_seed(3)
    cell = LTCCell(wiring, 4, input_mapping=None, output_mapping=None).double()
    assert cell.tabled and not car_cell().tabled  # both ways of evaluation are covered
    inputs, state = torch.rand(4).double(), torch.rand(wiring.units).double()
    expected = by_the_formula(cell, inputs, state.clone(), 1.0)
    given = inputs[None], state[None], torch.ones(1, 1).double()
    new = cell(*given)[1]
    torch.testing.assert_close(new[0], expected, rtol=0, atol=1e-6)  # epsilon in the denominator
    new.square().sum().backward()
    for name in ('mu', 'sigma', 'w', 'erev', 'sensory_mu', 'sensory_w'):
        parameter = getattr(cell, name)
        step = torch.zeros_like(parameter)
        step[len(step) // 2] = 1e-5
        sides = []
        for sign in (1, -1):
            parameter.data.add_(sign * step)
            sides.append(float(cell(*given)[1].detach().square().sum()))
            parameter.data.sub_(sign * step)
        assert float(parameter.grad[len(step) // 2]) == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-4, abs=1e-9)
    frozen = torch.jit.freeze(torch.jit.script(cell.eval()))
    with torch.no_grad():
        for _ in range(3):
            torch.testing.assert_close(frozen(*given)[1], new)


@pytest.mark.parametrize('scripted', [False, True])
@pytest.mark.parametrize('batch_first', [False, True])
def test_layer_takes_every_shape_of_timespans(batch_first, scripted):
    torch.manual_seed(0)
    layer = LTC(3, wirings.AutoNCP(8, 2), batch_first=batch_first)
    layer = torch.jit.script(layer) if scripted else layer
    times = torch.rand(4, 6) + 0.5
    inputs = torch.rand(4, 6, 3)
    rows = [layer(inputs[row], None, times[row])[0] for row in range(4)]
    given = (inputs, times) if batch_first else (inputs.transpose(0, 1), times.t())
    for timespans in (given[1], given[1].unsqueeze(2)):
        output, state = layer(given[0], None, timespans)
        torch.testing.assert_close(output if batch_first else output.transpose(0, 1), torch.stack(rows))
        assert state.shape == (4, 8)
    one, half = layer(given[0])[0], layer(given[0], None, 0.5)[0]
    torch.testing.assert_close(layer(given[0], None, torch.ones(6))[0], one)
    torch.testing.assert_close(layer(given[0], None, torch.tensor(0.5))[0], half)
    assert not torch.allclose(one, half)


@pytest.mark.parametrize('mixed', [False, True])
def test_scripted_layer_keeps_working_when_the_length_changes(mixed):
    layer = LTC(3, 5, mixed_memory=mixed, return_sequences=False)
    scripted = torch.jit.script(layer)
    for steps in (4, 9, 1):
        inputs = torch.rand(2, steps, 3)
        output, hx = layer(inputs)
        torch.testing.assert_close(scripted(inputs), (output, hx))
        torch.testing.assert_close(scripted(inputs, hx), layer(inputs, hx))
        assert output.shape == (2, 5) and isinstance(hx, tuple) == mixed


@pytest.mark.parametrize('shape', [(5,), (4, 5), (6, 4), (1, 6), (4, 6, 2), (4, 6, 1, 1)])
def test_timespans_of_another_shape_are_refused_by_name(shape):
    with pytest.raises(InputError, match=r'timespans has shape \[' + ', '.join(map(str, shape))):
        LTC(3, 5)(torch.rand(4, 6, 3), None, torch.ones(shape))


@pytest.mark.parametrize('value', [0.0, -1.0, float('nan'), float('inf')])
def test_times_that_cannot_be_are_refused(value):
    times = torch.ones(4, 6)
    times[2, 3] = value
    for timespans in (times, value):
        with pytest.raises(InputError, match='above 0'):
            LTC(3, 5)(torch.rand(4, 6, 3), None, timespans)


@pytest.mark.parametrize('call, words', [
    (lambda: LTC(3, 5)(torch.rand(4, 6, 2)), r'input has shape \[4, 6, 2\]'),
    (lambda: LTC(3, 5)(torch.rand(4, 0, 3)), 'no steps'),
    (lambda: LTC(3, 5)(torch.rand(4, 6, 3), torch.rand(4, 6)), r'hx has shape \[4, 6\]'),
    (lambda: LTC(3, 5)(torch.rand(4, 6, 3), torch.rand(3, 5)), 'states of 3 samples'),
    (lambda: LTC(3, 5)(torch.rand(4, 6, 3), (torch.rand(4, 5), torch.rand(4, 5))), 'hx is a tuple'),
    (lambda: LTC(3, 5, mixed_memory=True)(torch.rand(4, 6, 3), torch.rand(4, 5)), 'hx is one tensor'),
    (lambda: LTCCell(wirings.AutoNCP(8, 2)), 'does not know its inputs'),
    (lambda: LTCCell(wirings.AutoNCP(8, 2), 3, input_mapping='cubic'), "input_mapping is 'cubic'"),
    (lambda: LTCCell(wirings.AutoNCP(8, 2), 3, ode_unfolds=0), 'ode_unfolds is 0'),
])
def test_what_does_not_fit_is_refused_by_name(call, words):
    with pytest.raises(InputError, match=words):
        call()
