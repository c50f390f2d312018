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

"""The gradient of whole LTC sequences that is written by hand, against autograd's."""
import pytest
import torch

from liquid_control.liquid import LTC, LTCCell
from liquid_control.liquid.wirings import car_ncp


@pytest.fixture(scope='module')
def cell() -> LTCCell:
    torch.manual_seed(1)
    return LTCCell(car_ncp(32, 1), input_mapping='affine', output_mapping='affine').double()


@pytest.mark.parametrize('rows', [1, 3])
def test_states_and_gradients_are_those_of_autograd(cell, rows):
    torch.manual_seed(2)
    inputs = torch.randn(3, 5, 32, dtype=torch.double, requires_grad=True)
    state = torch.rand(3, 19, dtype=torch.double, requires_grad=True)
    elapsed = (0.5 + torch.rand(rows, 5, 1, dtype=torch.double)).requires_grad_()
    weight = torch.randn(3, 5, 19, dtype=torch.double)
    found = []
    for unroll in cell.unroll, cell.step_by_step:
        prepared = cell.prepare()
        drives = cell.drive(prepared, inputs.flatten(0, 1)).unflatten(0, (3, 5))
        states = unroll(prepared, drives, state, elapsed)
        wanted = [inputs, state, elapsed, *cell.parameters()]
        gradients = torch.autograd.grad((states * weight).sum(), wanted, allow_unused=True)
        found.append((states.detach(), gradients))
    (states, gradients), (expected_states, expected) = found
    assert torch.equal(states, expected_states)
    for ours, theirs in zip(gradients, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    assert gradients[0].abs().max() > 1e-6


def test_a_frozen_script_gives_the_same_sequence(cell):
    inputs, state = torch.randn(2, 4, 32, dtype=torch.double), torch.zeros(2, 19, dtype=torch.double)
    elapsed = torch.ones(1, 4, 1, dtype=torch.double)
    scripted = torch.jit.script(cell)
    torch.testing.assert_close(
        scripted.run_sequence(inputs, state, elapsed), cell.run_sequence(inputs, state, elapsed), rtol=1e-12, atol=0.0)


def test_the_layer_learns_through_it():
    torch.manual_seed(3)
    layer = LTC(32, car_ncp(32, 1))
    optimiser = torch.optim.Adam(layer.parameters(), 0.02)
    inputs, target = torch.randn(8, 10, 32), torch.randn(8, 1, 1).expand(8, 10, 1) * 0.3
    losses = []
    for _ in range(40):
        loss = ((layer(inputs)[0] - target) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
