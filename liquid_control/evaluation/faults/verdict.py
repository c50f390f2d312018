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

"""What came of a fault, and whether that is enough."""
from dataclasses import dataclass, field

from liquid_control.evaluation.faults.table import PERIOD_S, Fault

PERIODS = 2
MAX_GROWTH_MB = 128.0
"""TorchScript keeps some 5 MB of each policy that it compiled; some faults load a dozen."""
MAX_GAP_S = 0.05
"""A simulator that is held up for longer by a busy machine may stop the car by itself."""


@dataclass
class Outcome:
    """What was measured while a fault was injected.

    :ivar zero_s: until the zero command that no other followed, or, where no command can come, until the simulator
        braked; None when the car never stopped.
    :ivar rolled_m: way of the car in the simulator from the injection on, until the fault was over.
    :ivar recovered_s: from the end of the fault until a command to move; None when none came.
    :ivar said: everything the drive node's diagnostics, or its log, said meanwhile.
    :ivar memory_mb: growth of the drive node's resident memory.
    :ivar exit_code: None while it runs.
    :ivar gap_s: the longest time in which no word of the simulator arrived, without its being meant.
    :ivar notes: what else was seen.
    :ivar problems: what else was wrong.
    """

    zero_s: float | None = None
    rolled_m: float = 0.0
    recovered_s: float | None = None
    said: str = ''
    memory_mb: float = 0.0
    exit_code: int | None = None
    gap_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def judge(fault: Fault, outcome: Outcome) -> list[str]:
    """Return what is wrong with an outcome, in words; empty when the fault was survived as it must be."""
    return [*_stop(fault, outcome), *_recovery(fault, outcome), *_process(fault, outcome), *outcome.problems]


def _stop(fault: Fault, outcome: Outcome) -> list[str]:
    if fault.budget_s is None:
        return [] if outcome.zero_s is None else [f'the car was stopped after {outcome.zero_s:.3f} s']
    limit = fault.budget_s + PERIODS * PERIOD_S
    if outcome.zero_s is None:
        return ['no zero command came']
    return [f'zero after {outcome.zero_s:.3f} s, more than {limit:.3f} s'] if outcome.zero_s > limit else []


def _recovery(fault: Fault, outcome: Outcome) -> list[str]:
    if not fault.recovers:
        return []
    if outcome.recovered_s is None or outcome.recovered_s > fault.recovery_s:
        return [f'the car did not drive on within {fault.recovery_s:g} s']
    return []


def _process(fault: Fault, outcome: Outcome) -> list[str]:
    found = []
    if fault.says not in outcome.said:
        found.append(f"'{fault.says}' was not said")
    if outcome.exit_code != fault.exit_code:
        found.append(f'exit code {outcome.exit_code} instead of {fault.exit_code}')
    if outcome.memory_mb > MAX_GROWTH_MB:
        found.append(f'memory grew by {outcome.memory_mb:.0f} MB')
    return found
