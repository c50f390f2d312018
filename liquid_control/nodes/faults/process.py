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

"""Faults of processes."""
import signal
import time

from std_msgs.msg import Empty
from std_srvs.srv import SetBool

from liquid_control.evaluation.faults.table import Fault
from liquid_control.evaluation.faults.verdict import Outcome
from liquid_control.nodes.faults.bench import Bench
from liquid_control.nodes.faults.control import brakes
from liquid_control.nodes.faults.injection import HOLD_S, begun, ended, stop_and_go

END_S = 10.0


def exception(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a callback that raises: the car stands until it is engaged again."""
    bench.stop_drive()
    bench.start_drive('faults.raising')
    bench.ready()
    publisher = bench.relay.create_publisher(Empty, 'drive/raise', 1)
    bench.until(publisher.get_subscription_count, 'the callback')
    outcome = stop_and_go(bench, fault, lambda: publisher.publish(Empty()), 2.0)
    moved = bench.moves_since(time.monotonic() - 1.0)
    outcome.problems += ['the car drove on without being engaged'] if moved else []
    bench.call(SetBool, '/drive/engage', SetBool.Request(data=True))
    again = bench.waits(lambda: bench.relay.commands[-1][1] > 0.0, 3.0)
    outcome.problems += [] if again else ['the car did not drive on when it was engaged']
    bench.stop_drive()
    return outcome


def sigint(bench: Bench, fault: Fault) -> Outcome:
    """Ctrl-C."""
    return _signalled(bench, fault, signal.SIGINT)


def sigterm(bench: Bench, fault: Fault) -> Outcome:
    """Inject: what a service manager sends."""
    return _signalled(bench, fault, signal.SIGTERM)


def sighup(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a terminal that is closed."""
    return _signalled(bench, fault, signal.SIGHUP)


def _signalled(bench: Bench, fault: Fault, number: int) -> Outcome:
    begin = begun(bench)
    bench.drive.send_signal(number)
    ended_itself = bench.waits(lambda: bench.drive.poll() is not None, END_S)
    time.sleep(HOLD_S)
    outcome = ended(bench, fault, begin)
    outcome.problems += [] if ended_itself else [f'the process did not end within {END_S:g} s']
    outcome.problems += ['Traceback in the log'] if 'Traceback' in bench.drive.log.read_text() else []
    return outcome


def sigkill(bench: Bench, fault: Fault) -> Outcome:
    """Inject: the process is gone."""
    begin = begun(bench)
    bench.drive.kill()
    bench.drive.wait()
    return brakes(bench, fault, begin)


def held(bench: Bench, fault: Fault) -> Outcome:
    """Inject: the process does not run for a while, as on a machine that swaps."""
    begin = begun(bench)
    bench.drive.send_signal(signal.SIGSTOP)
    return brakes(bench, fault, begin, lambda: bench.drive.send_signal(signal.SIGCONT))
