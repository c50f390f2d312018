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

"""Injecting a fault into a driving car and measuring what comes of it."""
import time
from collections.abc import Callable

from liquid_control.evaluation.faults.table import Fault
from liquid_control.evaluation.faults.verdict import Outcome
from liquid_control.nodes.faults.bench import Bench

HOLD_S = 1.2
STANDS_MPS = 0.02
ZERO_PATIENCE_S = 5.0

Action = Callable[[], object]


def stop_and_go(bench: Bench, fault: Fault, inject: Action, hold_s: float = HOLD_S,
                end: Action | None = None) -> Outcome:
    """Inject a fault that must stop the car, hold it, end it and wait for the car to drive on.

    :param end: what ends the fault besides ``Relay.clear``.
    """
    begin = begun(bench)
    inject()
    bench.waits(lambda: bench.zero_s(begin, time.monotonic()) is not None, ZERO_PATIENCE_S + (fault.budget_s or 0.0))
    time.sleep(hold_s)
    return ended(bench, fault, begin, end)


def drive_through(bench: Bench, fault: Fault, inject: Action, seconds: float, end: Action | None = None) -> Outcome:
    """Inject a fault that must not stop the car, and end it after some seconds."""
    begin = begun(bench)
    inject()
    time.sleep(seconds)
    return ended(bench, fault, begin, end)


def begun(bench: Bench) -> float:
    """Return the time from which on a fault is measured; what was said before is forgotten."""
    bench.relay.said.clear()
    bench.memory_before_mb = bench.memory_mb
    return time.monotonic()


def ended(bench: Bench, fault: Fault, begin: float, end: Action | None = None) -> Outcome:
    """End a fault and return what was measured since ``begin``."""
    over = time.monotonic()
    window = [speed for now, speed, _ in list(bench.relay.commands) if begin < now <= over]
    outcome = Outcome(rolled_m=bench.relay.rolled_m(begin, over), said='; '.join(bench.relay.said))
    outcome.gap_s = bench.relay.gap_s(begin, over)
    outcome.zero_s = bench.zero_s(begin, over) if fault.budget_s is not None else _first_zero(bench, begin, over)
    stand_s = None if fault.budget_s is None else _stand_s(bench, begin)
    outcome.notes += [] if stand_s is None else [f'stands after {stand_s:.2f} s']
    bench.relay.clear()
    if end is not None:
        end()
    if fault.recovers and bench.waits(lambda: bench.moves_since(over), 2.0 * fault.recovery_s):
        outcome.recovered_s = bench.moves_since(over) - over
    outcome.exit_code = bench.drive.poll()
    if outcome.exit_code is None:
        outcome.memory_mb = bench.memory_mb - bench.memory_before_mb
    outcome.said += f'; {bench.drive.log.read_text()[-4000:]}' if fault.says not in outcome.said else ''
    outcome.notes.append(f'{len(window)} commands in {over - begin:.1f} s')
    return outcome


def _stand_s(bench: Bench, begin: float) -> float | None:
    stands = (now - begin for now, _, _, speed in list(bench.relay.odometry) if now > begin and abs(speed) < STANDS_MPS)
    return next(stands, None)


def _first_zero(bench: Bench, begin: float, end: float) -> float | None:
    zeros = (now - begin for now, speed, _ in list(bench.relay.commands) if begin < now <= end and speed == 0.0)
    return next(zeros, None)
