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
"""Forward propagation through time: a recurrent network learns at every step of a sequence, from what it saw so far.

Kag and Saligrama 2021 ("Training recurrent neural networks via forward propagation through time", ICML); for spiking
networks Yin, Corradi and Bohte 2023 (Nature Machine Intelligence). The state is cut from its past after every window
of one or a few steps, so neither memory nor the work for a step grows with the length of the sequence; a regulariser
that follows the weights keeps the many small updates of one sequence from undoing each other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

RESTART_AFTER = 20
"""Updates in a row with a loss or gradient that is not finite, after which the weights go back to their average."""


@dataclass(frozen=True)
class Constants:
    """Constants of FPTT.

    :param rate: learning rate of Adamax.
    :param alpha: strength of the regulariser, a in ``a/2 |W - Wbar|^2``.
    :param beta: share of the newest weights in their average.
    :param clip: largest norm of a gradient.
    """

    rate: float = 3e-3
    alpha: float = 0.1
    beta: float = 0.5
    clip: float = 1.0


class Descent:
    """Gradient steps by Adamax that no single bad loss can spoil; what FPTT does without its regulariser.

    :param module: what learns; of its parts, those with ``apply_weight_constraints`` (LTC) are asked for it each time.
    :param parameters: those that learn, with their learning rates; all, at ``constants.rate``, unless told.
    :ivar skipped: updates that were left out because the loss or its gradient was not finite.
    """

    def __init__(self, module: nn.Module, constants: Constants = Constants(),
                 parameters: Iterable[tuple[nn.Parameter, float]] | None = None) -> None:
        chosen = [(value, constants.rate) for value in module.parameters()] if parameters is None else list(parameters)
        self.constants = constants
        self.weights = [weight for weight, _ in chosen]
        self._rates = [rate for _, rate in chosen]
        self._optimiser = torch.optim.Adamax(
            [{'params': [weight], 'lr': rate} for weight, rate in chosen]
            if len(set(self._rates)) > 1 else [{'params': self.weights, 'lr': self._rates[0]}])
        self._constraints: list[Callable[[], None]] = [
            part.apply_weight_constraints for part in module.modules() if hasattr(part, 'apply_weight_constraints')]
        self.skipped = self._skipped_in_a_row = 0

    def update(self, loss: Tensor) -> bool:
        """Take one step down a loss, a scalar; return False if it was left out because something was not finite."""
        self._optimiser.zero_grad(set_to_none=True)
        finite = bool(torch.isfinite(loss))
        if finite:
            loss.backward()
            self._regularise()
            norm = nn.utils.clip_grad_norm_(self.weights, self.constants.clip)
            finite = bool(torch.isfinite(norm))
        if not finite:
            self._skip()
            return False
        self._skipped_in_a_row = 0
        self._optimiser.step()
        for constrain in self._constraints:
            constrain()
        self._follow()
        return True

    def scale_rate(self, factor: float) -> None:
        """Set the learning rates to a factor of what they were at first."""
        rates = self._rates if len(self._optimiser.param_groups) > 1 else self._rates[:1]
        for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
            group['lr'] = factor * rate

    def state(self) -> dict[str, Tensor]:
        """Return what a later ``restore`` needs beside the weights."""
        tensors = {}
        for number, weight in enumerate(self.weights):
            for name, value in self._optimiser.state[weight].items():
                tensors[f'{number}.{name}'] = value.detach().clone()
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what ``state`` returned.

        :raises KeyError: if it was of another module.
        """
        for number, weight in enumerate(self.weights):
            if f'{number}.step' in tensors:
                self._optimiser.state[weight] = {
                    name: tensors[f'{number}.{name}'].clone() for name in ('step', 'exp_avg', 'exp_inf')}

    def _regularise(self) -> None:
        """Add to the gradients."""

    def _follow(self) -> None:
        """Take note of new weights."""

    def _skip(self) -> None:
        self.skipped += 1
        self._skipped_in_a_row += 1
        self._optimiser.zero_grad(set_to_none=True)


class FPTT(Descent):
    """Gradient steps under the dynamic regulariser ``a/2 |W - Wbar|^2 - <W, lam>``.

    After each step ``lam <- lam - a (W - Wbar)`` and ``Wbar <- (1 - b) Wbar + b W - (b/a) lam``. Where losses stay
    not finite, the weights go back to their average and what was learned about the way there is forgotten.
    """

    def __init__(self, module: nn.Module, constants: Constants = Constants(),
                 parameters: Iterable[tuple[nn.Parameter, float]] | None = None) -> None:
        super().__init__(module, constants, parameters)
        self.average = [weight.detach().clone() for weight in self.weights]
        self._lam = [torch.zeros_like(average) for average in self.average]

    @torch.no_grad()
    def settle(self) -> None:
        """Set the weights to their running average, as after the last sequence."""
        torch._foreach_copy_(self.weights, self.average)

    def state(self) -> dict[str, Tensor]:
        """Return what a later ``restore`` needs beside the weights: moments and running averages."""
        tensors = super().state()
        for number, (average, lam) in enumerate(zip(self.average, self._lam, strict=True)):
            tensors[f'{number}.average'], tensors[f'{number}.lam'] = average.clone(), lam.clone()
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what ``state`` returned.

        :raises KeyError: if it was of another module.
        """
        super().restore(tensors)
        self.average = [tensors[f'{number}.average'].clone() for number in range(len(self.weights))]
        self._lam = [tensors[f'{number}.lam'].clone() for number in range(len(self.weights))]

    @torch.no_grad()
    def _regularise(self) -> None:
        """Add the gradient of the regulariser, ``a (W - Wbar) - lam``."""
        for weight, average, lam in zip(self.weights, self.average, self._lam, strict=True):
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            weight.grad.add_(weight - average, alpha=self.constants.alpha).sub_(lam)

    @torch.no_grad()
    def _follow(self) -> None:
        alpha, beta = self.constants.alpha, self.constants.beta
        torch._foreach_add_(self._lam, torch._foreach_sub(self.weights, self.average), alpha=-alpha)
        torch._foreach_lerp_(self.average, self.weights, beta)
        torch._foreach_add_(self.average, self._lam, alpha=-beta / alpha)

    def _skip(self) -> None:
        super()._skip()
        if self._skipped_in_a_row % RESTART_AFTER == 0:
            self.settle()
            torch._foreach_zero_(self._lam)
            self._optimiser.state.clear()


class Stream:
    """A network that learns from a stream, one window of steps after the other, without a past to keep.

    :param run: (inputs, state) -> (outputs, state); inputs are whatever ``learn`` is given.
    :param state: that of before the first step, [B, S].
    """

    def __init__(self, run: Callable[..., tuple[Tensor, Tensor]], descent: Descent, state: Tensor) -> None:
        self._run, self._descent, self.state = run, descent, state.detach()

    def learn(self, inputs: Sequence[Tensor], loss: Callable[[Tensor], Tensor]) -> float:
        """Run a window and take one step down the loss of its outputs; return that loss."""
        outputs, state = self._run(*inputs, self.state)
        value = loss(outputs)
        self._descent.update(value)
        self.state = cut(state)
        return float(value.detach())


def cut(state: Tensor) -> Tensor:
    """Return a state [B, S] cut from its past; a row that is not finite begins anew, at zero."""
    state = state.detach()
    finite = torch.isfinite(state).all(1, keepdim=True)
    return state if bool(finite.all()) else torch.where(finite, state, torch.zeros_like(state))


def blend(task: Tensor, auxiliary: Tensor, share: Tensor | float) -> Tensor:
    """Return the loss of a step at ``share = t/T`` of a sequence: ``(t/T) task + (1 - t/T) auxiliary``."""
    return share * task + (1.0 - share) * auxiliary
