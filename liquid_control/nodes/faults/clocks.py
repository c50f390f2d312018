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

"""Faults of time."""
import signal
import time

from liquid_control.evaluation.faults.table import Fault
from liquid_control.evaluation.faults.verdict import Outcome
from liquid_control.nodes.faults.bench import Bench
from liquid_control.nodes.faults.injection import begun, ended, stop_and_go
from liquid_control.nodes.faults.relay import nothing

BURST_S = 0.1
MOST_IN_BURST = 4


def clock_back(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a simulator that starts anew; the jump ends by itself, time does not come back."""
    bench.relay.shift_ns = 1000 * 10 ** 9
    bench.until(lambda: bench.said('drive').startswith('driving'), 'driving in the later time')
    time.sleep(1.0)
    begin = begun(bench)
    bench.relay.shift_ns = 100 * 10 ** 9
    bench.waits(lambda: _first_zero(bench, begin), 1.0)
    outcome = ended(bench, fault, begin)
    outcome.zero_s = _first_zero(bench, begin)
    bench.relay.shift_ns = 2000 * 10 ** 9  # from here on forward only, so that no later row begins with a jump back
    return outcome


def clock_forward(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a second in which 50 pass; ticks are not made up for."""
    begin = begun(bench)
    bench.relay.shift_ns += 50 * 10 ** 9
    time.sleep(1.0)
    outcome = ended(bench, fault, begin)
    outcome.zero_s = None  # a zero command is allowed, and not asked for: no picture is old when all times jump
    burst = sum(begin < now <= begin + BURST_S for now, _, _ in list(bench.relay.commands))
    outcome.notes.append(f'{burst} commands in the first {BURST_S:g} s')
    outcome.problems += [f'a burst of {burst} commands'] if burst > MOST_IN_BURST else []
    return outcome


def clock_pause(bench: Bench, fault: Fault) -> Outcome:
    """Pictures without time."""
    return stop_and_go(bench, fault, lambda: setattr(bench.relay, 'clock', nothing))


def simulator_pause(bench: Bench, fault: Fault) -> Outcome:
    """Neither pictures nor time."""
    outcome = stop_and_go(bench, fault, lambda: bench.simulator.send_signal(signal.SIGSTOP),
                          end=lambda: bench.simulator.send_signal(signal.SIGCONT))
    outcome.gap_s = 0.0  # it was meant
    return outcome


def _first_zero(bench: Bench, begin: float) -> float | None:
    return next((now - begin for now, speed, _ in list(bench.relay.commands) if now > begin and speed == 0.0), None)
