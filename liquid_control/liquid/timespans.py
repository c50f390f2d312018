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

"""Elapsed times as people give them, as one shape."""

import torch
from torch import Tensor

from liquid_control.errors import InputError


def elapsed_of_steps(timespans: Tensor | float | None, batch: int, steps: int, batch_first: bool,
                     like: Tensor) -> Tensor:
    """Return timespans as [B or 1, T, 1] of the type and on the device of ``like``.

    Taken are None (every step lasts 1), a number, and tensors [], (T,), (B, T) and (B, T, 1); without
    ``batch_first`` (T, B) and (T, B, 1) in place of the last two.

    :raises InputError: for any other shape and for times that are not finite and above 0.
    """
    if timespans is None:
        return torch.ones((1, steps, 1), dtype=like.dtype, device=like.device)
    elif isinstance(timespans, Tensor):
        elapsed = timespans.to(like)
        if elapsed.dim() == 0:
            elapsed = elapsed.expand(1, steps)
        elif elapsed.dim() == 1:
            elapsed = elapsed.unsqueeze(0)
        elif elapsed.dim() == 3 and elapsed.size(2) == 1:
            elapsed = elapsed.squeeze(2)
        if timespans.dim() > 1 and not batch_first:
            elapsed = elapsed.transpose(0, 1)
        if elapsed.dim() != 2 or elapsed.size(1) != steps or (timespans.dim() > 1 and elapsed.size(0) != batch):
            raise InputError(f'timespans has shape {list(timespans.shape)}; for a batch of {batch} and {steps} steps '
                             'give a number or (T,), (B, T) or (B, T, 1), time before batch when batch_first is False')
    else:
        elapsed = torch.full((1, steps), timespans, dtype=like.dtype, device=like.device)
    if not bool((torch.isfinite(elapsed) & (elapsed > 0)).all()):
        raise InputError(f'timespans reach from {float(elapsed.min())} to {float(elapsed.max())}; '
                         'give finite times above 0, in units of the nominal period')
    return elapsed.unsqueeze(2)
