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

"""Normalisation of currents that works with one input at a time, in driving and in learning."""
from typing import Final

import torch
from torch import Tensor, nn


class RunningNorm(nn.Module):
    """``weight (x - mean) / deviation + bias`` with the mean and variance of the inputs seen in training mode.

    Batch normalisation uses the statistics of the batch while learning, which has none when a car learns from one
    picture at a time, and others while driving. Here both use the running ones: over all inputs seen, at most about
    the last 131,072; the first 1,024 of them are a belief in mean 0 and variance 1. No gradient goes through them.
    """

    window: Final = 131_072.0
    belief: Final = 1_024.0
    epsilon: Final = 1e-5

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.register_buffer('mean', torch.zeros(size))
        self.register_buffer('variance', torch.ones(size))
        self.register_buffer('seen', torch.tensor(self.belief))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x [N, size]; in training mode take it into the statistics first."""
        if self.training:
            self._see(x.detach())
        return torch.addcmul(self.bias, x - self.mean, self.weight * torch.rsqrt(self.variance + self.epsilon))

    def _see(self, x: Tensor) -> None:
        share = x.size(0) / (self.seen + x.size(0))
        ahead = x.mean(0) - self.mean
        spread = x.var(0, correction=0) + (1.0 - share) * ahead * ahead
        self.mean.add_(share * ahead)
        self.variance.add_(share * (spread - self.variance))
        self.seen.add_(x.size(0)).clamp_(max=self.window)
