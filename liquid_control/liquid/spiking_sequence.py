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

"""Whole sequences of liquid spiking neurons with a gradient by hand: what step by step gives, in less time.

Autograd notes some eighty small operations a step. Here a step takes fifteen, the way back as many, and the gradients
of all weights are a few matrix products over the whole sequence.
"""
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from liquid_control.liquid.spike import multi_gaussian


class LiquidSpikingSequence(torch.autograd.Function):
    """States [B, T, 2 U] of ``LiquidSpikingLayer`` from currents [B, T, U]; the letters are those of its equations."""

    @staticmethod
    def forward(ctx, currents: Tensor, state: Tensor, elapsed: Tensor, recurrent: Tensor, membrane_weight: Tensor,
                membrane_bias: Tensor, adaptation_weight: Tensor, adaptation_bias: Tensor) -> Tensor:
        """Run from state [B, 2 U] with elapsed [B or 1, T, 1]."""
        batch, steps, units = currents.shape
        arriving, periods = currents.transpose(0, 1).unbind(), elapsed.transpose(0, 1).unbind()
        listening = torch.cat([membrane_weight[:, :units], adaptation_weight[:, :units]]).t().contiguous()
        of_u, of_b, back = membrane_weight[:, units:].t(), adaptation_weight[:, units:].t(), recurrent.t()
        bias = torch.cat([membrane_bias, adaptation_bias])
        states = state.new_empty(steps + 1, batch, 2 * units)
        distance = state.new_empty(steps, batch, units)
        # A step goes from where it starts, [u, b] after the reset, towards its aims, [I, spike].
        starts, aims, rates, kept = state.new_empty(4, steps, batch, 2 * units).unbind()
        states[0] = state
        state_at, distance_at, start_at, aim_at = states.unbind(), distance.unbind(), starts.unbind(), aims.unbind()
        (u, b), (start_u, _), (current, fired) = (
            [half.unbind() for half in tensor.chunk(2, 2)] for tensor in (states, starts, aims))
        for t, (rate, share) in enumerate(zip(rates.unbind(), kept.unbind(), strict=True)):
            torch.sub(u[t], 0.1 + 1.8 * b[t], out=distance_at[t])
            torch.gt(distance_at[t], 0.0, out=fired[t])
            start_at[t].copy_(state_at[t])
            start_u[t].addcmul_(u[t], fired[t], value=-1.0)
            torch.addmm(arriving[t], fired[t], back, out=current[t])
            gate = torch.addmm(bias, current[t], listening)
            gate[:, :units].addmm_(start_u[t], of_u)
            gate[:, units:].addmm_(b[t], of_b)
            torch._C._nn.softplus(gate, out=rate)
            torch.mul(rate, -periods[t], out=share).exp_()
            torch.lerp(aim_at[t], start_at[t], share, out=state_at[t + 1])
        ctx.save_for_backward(states, distance, starts, aims, rates, kept, elapsed, recurrent, membrane_weight,
                              adaptation_weight)
        return states[1:].transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all that ``forward`` takes but the elapsed time."""
        states, distance, starts, aims, rates, kept, elapsed, recurrent, membrane, adaptation = ctx.saved_tensors
        units = distance.size(2)
        listening = torch.cat([membrane[:, :units], adaptation[:, :units]])
        of_u, of_b = membrane[:, units:], adaptation[:, units:]
        by_gate = (elapsed.transpose(0, 1) * kept * torch.expm1(-rates) * (starts - aims)).unbind()
        by_distance, quiet = multi_gaussian(distance).unbind(), (1.0 - aims[..., units:]).unbind()
        of_aims, of_gates = torch.empty_like(aims), torch.empty_like(rates)
        (of_current, of_fired), (of_leak, of_recovery) = (
            [half.unbind() for half in tensor.chunk(2, 2)] for tensor in (of_aims, of_gates))
        u, share_at, aim_at, gate_at = states[..., :units].unbind(), kept.unbind(), of_aims.unbind(), of_gates.unbind()
        carried = torch.zeros_like(states[0])
        outside = gradient.transpose(0, 1).unbind()
        for t in reversed(range(len(outside))):
            arrived = carried + outside[t]
            carried = arrived * share_at[t]
            torch.sub(arrived, carried, out=aim_at[t])
            torch.mul(arrived, by_gate[t], out=gate_at[t])
            of_current[t].addmm_(gate_at[t], listening)
            of_start, of_before = carried[:, :units], carried[:, units:]
            of_start.addmm_(of_leak[t], of_u)
            of_before.addmm_(of_recovery[t], of_b)
            of_distance = of_fired[t].addmm_(of_current[t], recurrent).addcmul_(u[t], of_start, value=-1.0)
            of_distance.mul_(by_distance[t])
            torch.addcmul(of_distance, of_start, quiet[t], out=of_start)
            of_before.add_(of_distance, alpha=-1.8)
        current, fired = aims.flatten(0, 1).chunk(2, 1)
        start_u, b = starts.flatten(0, 1).chunk(2, 1)
        of_leak, of_recovery = of_gates.flatten(0, 1).chunk(2, 1)
        of_current = of_aims[..., :units]
        return (
            of_current.transpose(0, 1), carried, None, of_current.flatten(0, 1).t() @ fired,
            torch.cat([of_leak.t() @ current, of_leak.t() @ start_u], 1), of_leak.sum(0),
            torch.cat([of_recovery.t() @ current, of_recovery.t() @ b], 1), of_recovery.sum(0))


class LiquidReadoutSequence(torch.autograd.Function):
    """States [B, T, O] of ``LiquidReadout`` from what its spikes say, [B, T, O]."""

    @staticmethod
    def forward(ctx, targets: Tensor, state: Tensor, elapsed: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Run from state [B, O] with elapsed [B or 1, T, 1]."""
        batch, steps, outputs = targets.shape
        aims, periods = targets.transpose(0, 1).contiguous(), elapsed.transpose(0, 1).unbind()
        gates = torch.addmm(bias, aims.flatten(0, 1), weight[:, :outputs].t()).view_as(aims).unbind()
        states, of_state = state.new_empty(steps + 1, batch, outputs), weight[:, outputs:].t()
        rates, kept = torch.empty_like(aims), torch.empty_like(aims)
        states[0] = state
        state_at, aim_at = states.unbind(), aims.unbind()
        for t, (rate, share) in enumerate(zip(rates.unbind(), kept.unbind(), strict=True)):
            torch._C._nn.softplus(gates[t].addmm_(state_at[t], of_state), out=rate)
            torch.mul(rate, -periods[t], out=share).exp_()
            torch.lerp(aim_at[t], state_at[t], share, out=state_at[t + 1])
        ctx.save_for_backward(states, aims, rates, kept, elapsed, weight)
        return states[1:].transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all that ``forward`` takes but the elapsed time."""
        states, aims, rates, kept, elapsed, weight = ctx.saved_tensors
        outputs = aims.size(2)
        of_state = weight[:, outputs:]
        by_gate = (elapsed.transpose(0, 1) * kept * torch.expm1(-rates) * (states[:-1] - aims)).unbind()
        arrived, of_gates = torch.empty_like(aims), torch.empty_like(rates)
        arrived_at, share_at, gate_at = arrived.unbind(), kept.unbind(), of_gates.unbind()
        carried = torch.zeros_like(states[0])
        outside = gradient.transpose(0, 1).unbind()
        for t in reversed(range(len(outside))):
            torch.add(carried, outside[t], out=arrived_at[t])
            torch.mul(arrived_at[t], by_gate[t], out=gate_at[t])
            carried = torch.addmm(arrived_at[t] * share_at[t], gate_at[t], of_state)
        rows = of_gates.flatten(0, 1)
        of_targets = arrived * (1.0 - kept) + of_gates @ weight[:, :outputs]
        of_weight = torch.cat([rows.t() @ aims.flatten(0, 1), rows.t() @ states[:-1].flatten(0, 1)], 1)
        return of_targets.transpose(0, 1), carried, None, of_weight, rows.sum(0)
