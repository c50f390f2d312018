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

"""A whole sequence of an LTC with a gradient by hand: the same numbers as step by step, in a third of the time.

Autograd would note six operations for each of the ``ode_unfolds`` parts of each step and go back through them one by
one. Here the way back needs five, and the gradients of all weights are three matrix products over the whole sequence.
"""
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class LTCSequence(torch.autograd.Function):
    """States [B, T, U] from drives [B, T, 2 U], for synapses as matrices (see liquid/synapses.py).

    A part of a step is ``v' = (num + inertia v) / den`` with ``[num, den] = drive + [0, inertia] + f spread`` and
    ``f = sigmoid(shift + v slope)``.
    """

    @staticmethod
    def forward(ctx, drives: Tensor, state: Tensor, inertia: Tensor, slope: Tensor, shift: Tensor, spread: Tensor,
                unfolds: int) -> Tensor:
        """Run from state [B, U] with inertia [B, T, U]."""
        batch, steps, units = inertia.shape
        inertia = inertia.transpose(0, 1).contiguous()
        constant = drives.transpose(0, 1).contiguous()
        constant[:, :, units:] += inertia
        states = state.new_empty(steps * unfolds + 1, batch, units)
        firing = state.new_empty(steps * unfolds, batch, slope.size(1))
        sums = state.new_empty(steps * unfolds, batch, 2 * units)
        states[0] = state
        numerators, denominators = (half.unbind() for half in sums.chunk(2, 2))
        state_at, firing_at, sums_at = states.unbind(), firing.unbind(), sums.unbind()
        part = 0
        for capacity, outside in zip(inertia.unbind(), constant.unbind(), strict=True):
            for _ in range(unfolds):
                torch.addmm(shift, state_at[part], slope, out=firing_at[part]).sigmoid_()
                torch.addmm(outside, firing_at[part], spread, out=sums_at[part])
                torch.div(numerators[part].addcmul_(capacity, state_at[part]), denominators[part],
                          out=state_at[part + 1])
                part += 1
        ctx.save_for_backward(states, firing, sums[:, :, units:], inertia, slope, spread)
        ctx.unfolds = unfolds
        return states[unfolds::unfolds].transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of drives, state, inertia, slope, shift and spread."""
        states, firing, denominator, inertia, slope, spread = ctx.saved_tensors
        parts, batch, units = denominator.shape
        unfolds = ctx.unfolds
        upper = denominator.reciprocal()
        by_sums = torch.stack([upper, -upper * states[1:]], 2)
        by_state = (upper.unflatten(0, (-1, unfolds)) * inertia.unsqueeze(1)).flatten(0, 1).unbind()
        by_firing = (firing * (1.0 - firing)).unbind()
        of_sums, of_sigmoid = torch.empty_like(by_sums), torch.empty_like(firing)
        shares, sums_at, sigmoid_at = by_sums.unbind(), of_sums.unbind(), of_sigmoid.unbind()
        slope_back, spread_back = slope.t(), spread.t()
        carried = torch.zeros_like(states[0])
        part = parts - 1
        for outside in reversed(gradient.unbind(1)):
            carried = carried + outside
            for _ in range(unfolds):
                torch.mul(carried.unsqueeze(1), shares[part], out=sums_at[part])
                torch.mm(sums_at[part].view(batch, -1), spread_back, out=sigmoid_at[part]).mul_(by_firing[part])
                carried = torch.addmm(carried * by_state[part], sigmoid_at[part], slope_back)
                part -= 1
        rows, of_sums = of_sigmoid.flatten(0, 1), of_sums.flatten(2)
        of_drives = of_sums.unflatten(0, (-1, unfolds)).sum(1)
        of_inertia = (of_sums[..., :units] * states[:-1]).unflatten(0, (-1, unfolds)).sum(1) + of_drives[..., units:]
        return (
            of_drives.transpose(0, 1), carried, of_inertia.transpose(0, 1), states[:-1].flatten(0, 1).t() @ rows,
            rows.sum(0), firing.flatten(0, 1).t() @ of_sums.flatten(0, 1), None)
