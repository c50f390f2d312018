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
"""Handwritten digits as sequences: 8 x 8 pixels row by row (T = 8) or pixel by pixel (T = 64).

The pictures are the UCI set that scikit-learn ships (1,797, BSD licence), nothing is fetched.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from liquid_control.errors import InputError
from liquid_control.learning.fptt import FPTT, Constants, Descent, blend, cut
from liquid_control.learning.sequence_model import SequenceModel, new_model

CLASSES = 10
TESTED_SHARE = 0.25
UNITS = 64


@dataclass(frozen=True)
class Setting:
    """How long a sequence is and how it is learned; the same for both methods but for the window, which is FPTT's.

    :param window: steps between updates of FPTT, several of which make a sequence.
    """

    steps: int
    window: int
    epochs: int
    batch: int
    rate: float


SETTINGS = {'rows': Setting(8, 4, 100, 32, 5e-3), 'pixels': Setting(64, 16, 120, 64, 1e-2)}


@dataclass(frozen=True)
class Split:
    """Pictures as sequences [N, T, I], levels 0..1, and their digits [N]."""

    inputs: Tensor
    digits: Tensor


def load_splits(order: str, seed: int) -> tuple[Split, Split]:
    """Return what is learned from and what is tested on; a seed draws which is which.

    :param order: 'rows' or 'pixels'.
    :raises InputError: without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise InputError("the digits come with scikit-learn, which is missing; pip install 'liquid_control[study]'"
                         ) from error
    pictures, digits = load_digits(return_X_y=True)
    shuffled = np.random.default_rng(seed).permutation(len(digits))
    inputs = torch.from_numpy(pictures[shuffled] / 16.0).float().view(len(digits), SETTINGS[order].steps, -1)
    labels, tested = torch.from_numpy(digits[shuffled]).long(), round(TESTED_SHARE * len(digits))
    return Split(inputs[tested:], labels[tested:]), Split(inputs[:tested], labels[:tested])


class RunningAnswers:
    """What the network has lately said of each digit: the auxiliary target of an unfinished sequence (Kag 2021)."""

    def __init__(self) -> None:
        self._answers = torch.full((CLASSES, CLASSES), 1.0 / CLASSES)

    def loss(self, logits: Tensor, digits: Tensor) -> Tensor:
        """Return the cross entropy of answers [B, K, 10] with the running ones of their digits [B]."""
        return -(self._answers[digits][:, None] * F.log_softmax(logits, 2)).sum(2).mean(0)

    def see(self, logits: Tensor, digits: Tensor) -> None:
        """Take the answers of finished sequences, [B, 10]."""
        for digit in digits.unique().tolist():
            self._answers[digit].lerp_(F.softmax(logits[digits == digit], 1).mean(0), 0.1)


def learn_digits(cell: str, method: str, order: str, seed: int) -> dict:
    """Let a cell learn by FPTT or BPTT, with the same loss at every step, and return a row with its accuracy."""
    learned, tested = load_splits(order, seed)
    torch.manual_seed(seed)
    setting = SETTINGS[order]
    model = new_model(cell, learned.inputs.size(2), UNITS, CLASSES, float(setting.steps))
    constants = Constants(rate=setting.rate)
    descent = FPTT(model, constants) if method == 'fptt' else Descent(model, constants)
    window = setting.window if method == 'fptt' else setting.steps
    answers, generator = RunningAnswers(), torch.Generator().manual_seed(seed)
    for epoch in range(setting.epochs):
        descent.scale_rate(min(1.0, 2.0 * (1.0 - epoch / setting.epochs)))
        for rows in torch.randperm(len(learned.digits), generator=generator).split(setting.batch):
            _learn_batch(model, descent, answers, learned.inputs[rows], learned.digits[rows], window)
    right = right_answers(model, tested)
    return {'order': order, 'cell': cell, 'method': method, 'seed': seed, 'accuracy': float(right.float().mean()),
            'right': right.int().tolist(), 'skipped': descent.skipped}


def _learn_batch(model: SequenceModel, descent: Descent, answers: RunningAnswers, inputs: Tensor, digits: Tensor,
                 window: int) -> None:
    state, steps = torch.zeros(len(inputs), model.cell.state_size), inputs.size(1)
    for begin in range(0, steps, window):
        logits, state = model(inputs[:, begin:begin + window], state)
        shares = torch.arange(begin + 1, begin + window + 1) / steps
        right = digits[:, None].expand(-1, window)
        task = F.cross_entropy(logits.flatten(0, 1), right.flatten(), reduction='none').view_as(right).mean(0)
        descent.update(blend(task, answers.loss(logits, digits), shares).mean())
        state = cut(state)
    answers.see(logits[:, -1].detach(), digits)


@torch.no_grad()
def right_answers(model: SequenceModel, split: Split) -> Tensor:
    """Tell of each sequence whether the network says its digit at the last step, bool [N]."""
    model.eval()
    logits, _ = model(split.inputs, torch.zeros(len(split.inputs), model.cell.state_size))
    return logits[:, -1].argmax(1) == split.digits
