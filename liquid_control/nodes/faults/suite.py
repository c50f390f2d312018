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

"""Every fault, one after the other, on real nodes."""
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from liquid_control.errors import InputError
from liquid_control.evaluation.faults.table import Fault
from liquid_control.evaluation.faults.verdict import MAX_GAP_S, Outcome, judge
from liquid_control.nodes.faults import clocks, control, policies, process, recording, sensors
from liquid_control.nodes.faults.bench import Bench

ATTEMPTS = 3
Script = Callable[[Bench, Fault], Outcome]


def script_of(fault: Fault) -> Script:
    """Return the script of a fault, which is named as the fault is."""
    modules: tuple[ModuleType, ...] = sensors, clocks, policies, control, process, recording
    return next(getattr(module, fault.name) for module in modules
                if getattr(getattr(module, fault.name, None), '__module__', '') == module.__name__)


def run_faults(faults: tuple[Fault, ...], folder: Path, policy: Path) -> Iterator[tuple[Fault, Outcome, list[str]]]:
    """Inject each fault into a driving car; yield what was measured and what is wrong with it."""
    with Bench(folder, policy) as bench:
        for fault in faults:
            outcome = _try_undisturbed(bench, fault)
            yield fault, outcome, judge(fault, outcome)


def _try_undisturbed(bench: Bench, fault: Fault) -> Outcome:
    """Try again what went wrong while the machine had more to do than it can: that alone may stop the car."""
    for attempt in range(1, ATTEMPTS + 1):
        outcome = _try(bench, fault)
        if attempt > 1:
            outcome.notes.append(f'attempt {attempt}, the machine was busy')
        busy = outcome.gap_s > MAX_GAP_S or os.getloadavg()[0] > os.cpu_count()
        if not busy or not judge(fault, outcome):
            break
    return outcome


def _try(bench: Bench, fault: Fault) -> Outcome:
    begin = time.monotonic()
    try:
        if fault.name != 'camera_never':
            bench.ready()
        return script_of(fault)(bench, fault)
    except Exception as error:  # noqa: B902 the other faults are still to be tried
        bench.relay.clear()
        reason = str(error) if isinstance(error, InputError) else f'{type(error).__name__}: {error}'
        return Outcome(problems=[f'not tried: {reason}'], notes=[f'{time.monotonic() - begin:.0f} s'])
