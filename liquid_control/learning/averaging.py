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

"""A running average of a policy's weights."""

import torch

from liquid_control.policy.driving_policy import DrivingPolicy

LONGEST_STEPS = 200.0
SHARE_OF_LIFE = 0.1


class AveragedWeights:
    """Exponential average of the weights over the last gradient steps.

    Single steps end left or right of the best weights; their average lies nearer (Polyak and Juditsky 1992). It
    reaches over a tenth of the steps taken so far, 200 at most.
    """

    def __init__(self, policy: DrivingPolicy) -> None:
        self.steps = 0
        self._weights = list(policy.state_dict().values())
        self._names = list(policy.state_dict())
        self._values = [value.detach().clone() for value in self._weights]

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after a gradient step into the average."""
        self.steps += 1
        reach = max(1.0, min(LONGEST_STEPS, SHARE_OF_LIFE * self.steps))
        torch._foreach_lerp_(self._values, self._weights, 1.0 / reach)

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the average as a state dict of its own, on the CPU."""
        return {name: value.cpu().clone() for name, value in zip(self._names, self._values, strict=True)}

    @torch.no_grad()
    def restore(self, weights: dict[str, torch.Tensor], steps: int) -> None:
        """Go on from an average of so many steps."""
        self.steps = steps
        for name, value in zip(self._names, self._values, strict=True):
            value.copy_(weights[name])
