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

"""What every cell has in common: one step and whole sequences from the same code."""

import torch
from torch import Tensor, nn


class Cell(nn.Module):
    """A recurrent cell in four parts, so that nothing is computed twice in a sequence.

    A subclass sets ``input_size``, ``state_size`` and ``output_size`` and has the methods

    - ``prepare() -> list of tensors``: what depends on parameters only; constants in a frozen TorchScript graph;
    - ``drive(prepared, inputs [N, I]) -> [N, D]``: what depends on the inputs only, for many steps at once;
    - ``advance(prepared, drive [B, D], state [B, S], elapsed [B or 1, 1]) -> [B, S]``: one step;
    - ``read(state [..., S]) -> [..., O]``: the output that a state stands for.

    The state is one flat tensor in every cell. Elapsed time is in units of the nominal period.

    A frozen TorchScript graph cannot add two matrix products (``mm`` or ``addmm``, torch 2.13: "failed shape
    propagation"); where ``advance`` would, one of the two is ``F.linear``, or the sum goes through another operator.
    """

    def _step(self, inputs: Tensor, state: Tensor, elapsed: Tensor | float) -> tuple[Tensor, Tensor]:
        prepared = self.prepare()
        state = self.advance(prepared, self.drive(prepared, inputs), state, column(elapsed, inputs))
        return self.read(state), state

    @torch.jit.export
    def run_sequence(self, inputs: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Run inputs [B, T, I] from state [B, S] with elapsed [B or 1, T, 1].

        :return: outputs [B, T, O] and the last state [B, S].
        """
        prepared = self.prepare()
        drives = self.drive(prepared, inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])
        states = self.unroll(prepared, drives, state, elapsed)
        return self.read(states), states[:, -1]

    def unroll(self, prepared: list[Tensor], drives: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the states [B, T, S] that drives [B, T, D] lead to."""
        return self.step_by_step(prepared, drives, state, elapsed)

    def step_by_step(self, prepared: list[Tensor], drives: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Do what ``unroll`` does by calls of ``advance``."""
        each, steps = drives.unbind(1), elapsed.unbind(1)
        states: list[Tensor] = []
        for t in range(len(each)):
            state = self.advance(prepared, each[t], state, steps[t])
            states.append(state)
        return torch.stack(states, 1)


def column(elapsed: Tensor | float, like: Tensor) -> Tensor:
    """Return a number, a tensor [], [B] or [B, 1] of elapsed times as [1, 1] or [B, 1]."""
    if isinstance(elapsed, Tensor):
        return elapsed if elapsed.dim() == 2 else elapsed.reshape(-1, 1)
    return torch.full((1, 1), elapsed, dtype=like.dtype, device=like.device)
