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
"""The adding task (Hochreiter and Schmidhuber 1997): remember two marked numbers among T and say their sum."""

import time

import torch
from torch import Tensor

from liquid_control.learning.fptt import FPTT, Constants, Descent, cut
from liquid_control.learning.sequence_model import SequenceModel, new_model
from liquid_control.policy.compiling import script_to_learn

SOLVED = 0.01
"""Mean squared error under which the task counts as solved; always saying the mean, 1, has 1/6."""
UNITS, BATCH, WINDOW, RATE = 64, 128, 10, 8e-3
CURRICULUM = (100, 0.25), (300, 0.5)
"""Lengths that are learned from first, each until so much of all steps is done: marks are rare in long sequences."""
ADDED = 20.0
"""Weight of the error of what a window adds to the sum, beside that of the sum itself, which is 1."""
MEMORY = 30.0
"""Slowest time constant that spiking neurons begin with, in sequences: a sum has to be kept, not only remembered."""
TEST_SEQUENCES = 500
TEST_SEED = 1_000_000


class AddingStreams:
    """Streams of sequences, each row at another place of its own; when one ends the next begins.

    Inputs are a number of 0..1 and a mark, which is 1 once in each half of a sequence. What is right at a step is the
    sum of the numbers marked so far, so that an unfinished sequence can be learned from.
    """

    def __init__(self, batch: int, steps: int, window: int, seed: int) -> None:
        self._steps, self._window = steps, window
        self._generator = torch.Generator().manual_seed(seed)
        self._inputs, self._sums = torch.zeros(batch, steps, 2), torch.zeros(batch, 1 + steps)
        self._place = window * (torch.arange(batch) * (steps // window) // batch)
        self._draw(torch.arange(batch))

    def take(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return inputs [B, K, 2] of the next window, sums before and in it [B, 1 + K], and which rows begin, [B]."""
        begins = self._place == 0
        self._draw(begins.nonzero()[:, 0])
        columns = self._place[:, None] + torch.arange(1 + self._window)
        rows = torch.arange(len(columns))[:, None]
        self._place = (self._place + self._window) % self._steps
        return self._inputs[rows, columns[:, :-1]], self._sums[rows, columns], begins

    def _draw(self, rows: Tensor) -> None:
        self._inputs[rows], self._sums[rows, 1:] = sequences(len(rows), self._steps, self._generator)


def sequences(count: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw inputs [count, T, 2] and the sums so far [count, T]."""
    numbers, marks, rows = torch.rand(count, steps, generator=generator), torch.zeros(count, steps), torch.arange(count)
    for begin, end in (0, steps // 2), (steps // 2, steps):
        marks[rows, torch.randint(begin, end, (count,), generator=generator)] = 1.0
    return torch.stack((numbers, marks), 2), (numbers * marks).cumsum(1)


def learn_adding(cell: str, method: str, steps: int, seed: int, total_steps: int) -> dict:
    """Learn and return a row with the error on sequences that were never learned from.

    The loss of a window is the error of the sum so far at every step of it, and as the auxiliary loss that of what was
    added since the window began: whoever only looks at sums that are already wrong learns to forget them, and the step
    of a mark drowns. FPTT and backpropagation through time get the same loss, the same optimiser and as many steps,
    ``total_steps`` for each row of the batch. FPTT updates after every ``WINDOW`` of them, backpropagation through time
    after a whole sequence, where the two errors are the same.
    """
    torch.manual_seed(seed)
    model = new_model(cell, 2, UNITS, 1, MEMORY * steps if cell == 'spiking' else float(steps))
    constants = Constants(rate=RATE)
    descent = FPTT(model, constants) if method == 'fptt' else Descent(model, constants)
    run, began_s, done = script_to_learn(model), time.process_time(), 0
    for length, share in (*((length, share) for length, share in CURRICULUM if length < steps), (steps, 1.0)):
        window = WINDOW if method == 'fptt' else length
        streams, state = AddingStreams(BATCH, length, window, seed), torch.zeros(BATCH, model.cell.state_size)
        while done + window <= share * total_steps:
            inputs, sums, begins = streams.take()
            state = torch.where(begins[:, None], torch.zeros(()), state)
            before = model.readout(model.cell.read(state))
            outputs, state = run(inputs, state)
            descent.scale_rate(min(1.0, 1.5 * (1.0 - done / total_steps)))
            descent.update(_loss(before, outputs[..., 0], sums))
            state, done = cut(state), done + window
    return {'cell': cell, 'method': method, 'T': steps, 'seed': seed, 'total_steps': total_steps,
            'error': final_error(model, steps), 'cpu_s': round(time.process_time() - began_s, 1),
            'skipped': descent.skipped}


def _loss(before: Tensor, outputs: Tensor, sums: Tensor) -> Tensor:
    """Return the loss of outputs [B, K], [B, 1] ``before``, for sums [B, 1 + K]."""
    added = outputs - before - (sums[:, 1:] - sums[:, :1])
    return ((outputs - sums[:, 1:]) ** 2).mean() + ADDED * (added ** 2).mean()


@torch.no_grad()
def final_error(model: SequenceModel, steps: int) -> float:
    """Return the mean squared error at the last step of sequences that are never learned from."""
    inputs, sums = sequences(TEST_SEQUENCES, steps, torch.Generator().manual_seed(TEST_SEED))
    model.eval()
    outputs, _ = model(inputs, torch.zeros(len(inputs), model.cell.state_size))
    model.train()
    return float(((outputs[:, -1, 0] - sums[:, -1]) ** 2).mean())
