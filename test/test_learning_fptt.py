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
"""FPTT: its update, what it keeps in memory, and that it learns."""

import numpy as np
import pytest
import torch

from liquid_control.evaluation.fptt.memory import saved_bytes
from liquid_control.learning.fptt import FPTT, RESTART_AFTER, Constants, Descent, Stream, blend, cut
from liquid_control.learning.sequence_model import CELLS, new_model


class Line(torch.nn.Module):
    """y = w x, and a state that is the sum of all outputs."""

    def __init__(self, w: float) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([[w]]))

    def forward(self, inputs: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = inputs @ self.w
        return outputs + state.unsqueeze(1), state + outputs.sum(1)


def test_updates_are_those_of_the_paper_computed_by_hand():
    """Adamax, the regulariser's gradient and both running averages over four steps of one sequence."""
    a, b, rate = 0.1, 0.5, 0.01
    line = Line(0.3)
    fptt = FPTT(line, Constants(rate=rate, alpha=a, beta=b, clip=100.0))
    stream = Stream(line, fptt, torch.zeros(1, 1))
    inputs, target, last = np.array([1.0, -0.5, 2.0, 0.7]), 1.5, 4
    w, mean, lam, first, largest, state = 0.3, 0.3, 0.0, 0.0, 0.0, 0.0
    for t, x in enumerate(inputs, start=1):
        share = t / last
        loss = stream.learn(
            (torch.tensor([[[x]]], dtype=torch.float32),),
            lambda y, share=share: blend(((y - target) ** 2).mean(), (y ** 2).mean(), share))
        y = w * x + state
        assert loss == pytest.approx(share * (y - target) ** 2 + (1.0 - share) * y ** 2, rel=1e-5)
        gradient = (2.0 * share * (y - target) + 2.0 * (1.0 - share) * y) * x + a * (w - mean) - lam
        state = y
        first = 0.9 * first + 0.1 * gradient
        largest = max(0.999 * largest, abs(gradient) + 1e-8)
        w -= rate / (1.0 - 0.9 ** t) * first / largest
        lam -= a * (w - mean)
        mean = (1.0 - b) * mean + b * w - b / a * lam
        assert line.w.item() == pytest.approx(w, abs=1e-6)
        assert fptt.average[0].item() == pytest.approx(mean, abs=1e-6)
    fptt.settle()
    assert line.w.item() == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize('name', CELLS)
def test_activations_do_not_grow_with_the_sequence(name):
    """What autograd keeps is the same for 10 and for 40 steps; through time, each step adds as much as any other."""
    short, long = (saved_bytes(name, steps, window=1) for steps in (10, 40))
    assert short == long > 0
    kept = [saved_bytes(name, steps, window=steps) for steps in (10, 20, 40)]
    assert kept[2] - kept[1] == 2 * (kept[1] - kept[0]) > 0 and kept[0] > short


@pytest.mark.parametrize('name', CELLS)
def test_every_cell_learns_online(name):
    """The running mean of the input, learned a step at a time, is told better than any line through the last input can.

    Such a line leaves 0.82 of the variance. Leaky spiking neurons are slower; they come near the variance.
    """
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = new_model(name, 1, 16, 1, 10.0)
    fptt = FPTT(model, Constants(rate=1e-2))
    errors, variances = [], []
    for _ in range(30):
        inputs = torch.rand(16, 20, 1, generator=generator)
        target = inputs.cumsum(1) / torch.arange(1, 21).view(1, 20, 1)
        stream = Stream(model, fptt, torch.zeros(16, model.cell.state_size))
        errors.append(np.mean([
            stream.learn((inputs[:, t:t + 1],), lambda y, right=target[:, t:t + 1]: ((y - right) ** 2).mean())
            for t in range(20)]))
        variances.append(target.var().item())
    assert np.mean(errors[-10:]) < (1.5 if name == 'lif' else 0.82) * np.mean(variances[-10:])
    assert fptt.skipped == 0


def test_what_is_not_finite_changes_nothing_and_much_of_it_brings_the_average_back():
    """The guard: a bad loss, a bad gradient, and a long row of them."""
    line = Line(0.3)
    fptt = FPTT(line)
    assert fptt.update((line.w * 2.0).sum())
    before = line.w.item()
    assert not fptt.update((line.w * float('nan')).sum())
    assert not fptt.update(torch.sqrt(line.w * 0.0).sum())
    assert (line.w.item(), fptt.skipped) == (before, 2)
    for _ in range(RESTART_AFTER):
        fptt.update((line.w * float('inf')).sum())
    assert line.w.item() == fptt.average[0].item()
    assert cut(torch.tensor([[1.0, float('inf')], [2.0, 3.0]])).tolist() == [[0.0, 0.0], [2.0, 3.0]]


@pytest.mark.parametrize('kind', [FPTT, Descent])
def test_a_restored_run_goes_on_bit_by_bit(kind):
    """State and restore, in the middle of a sequence."""
    def steps(model, descent, state, begin, end):
        stream = Stream(model, descent, state)
        for t in range(begin, end):
            stream.learn((inputs[:, t:t + 1],), lambda y: (y ** 2).mean())
        return stream.state

    inputs = torch.rand(4, 10, 3, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    whole = new_model('ltc', 3, 6, 2, 10.0)
    begun = new_model('ltc', 3, 6, 2, 10.0)
    begun.load_state_dict(whole.state_dict())
    steps(whole, kind(whole), torch.zeros(4, 6), 0, 10)
    first = kind(begun)
    state = steps(begun, first, torch.zeros(4, 6), 0, 5)
    second = kind(begun)
    second.restore(first.state())
    steps(begun, second, state, 5, 10)
    assert all(torch.equal(x, y) for x, y in zip(whole.parameters(), begun.parameters(), strict=True))
    assert min(value.min().item() for name, value in whole.named_parameters() if name.endswith(('.w', '.cm'))) >= 0.0
