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

"""Whether the policy can be trusted with the car."""
from liquid_control.driving.command import Command

OVERRUNS = 3
RECOVERY_STEPS = 10


class PolicyHealth:
    """Watches the policy's outputs and how long it takes for them.

    One output that is not finite, or three steps in a row that took longer than a control period, make it ill.
    It is well again after ten good steps in a row.
    """

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.not_finite = self.overruns = 0
        self.forget()

    def forget(self) -> None:
        """Trust the policy again; the counts stay."""
        self.problem = ''
        self._good_steps = self._slow_steps = 0

    def judge(self, command: Command, seconds: float) -> None:
        """Take note of one step, its output and its duration; ``problem`` says what is wrong, if anything is."""
        slow = seconds > self.period_s
        self.overruns += slow
        self._slow_steps = self._slow_steps + 1 if slow else 0
        self._good_steps = 0 if slow or not command.finite else self._good_steps + 1
        if not command.finite:
            self.not_finite += 1
            self.problem = (f'policy output is not finite: steering {command.steering_rad:g}, '
                            f'speed {command.speed_mps:g}')
        elif self._slow_steps == OVERRUNS:
            self.problem = (f'policy is too slow: {self._slow_steps} steps in a row took longer than the '
                            f'{1e3 * self.period_s:.1f} ms of a control period, the last one {1e3 * seconds:.1f} ms')
        elif self._good_steps >= RECOVERY_STEPS:
            self.problem = ''
