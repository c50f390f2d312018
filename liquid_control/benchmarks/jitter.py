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

"""``bench jitter``: how evenly the drive node commands, alone and beside the simulator."""
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from liquid_control.benchmarks.node import drive_parameters, record
from liquid_control.nodes.processes import last_line, node_process, require_ros
from liquid_control.errors import InputError
from liquid_control.evaluation.statistics import median_and_p99

RATES_HZ = (30.0, 100.0)
SECONDS = 15.0
TRACK = 'random:1000000'
CASES = len(RATES_HZ) * 2


def bench_jitter(policy: str, seconds: float = SECONDS, on_round: Callable[[], None] | None = None) -> dict:
    """Measure the time between commands at 30 and 100 Hz, fed with pictures at 30 Hz.

    An error is the difference between the time from one publication to the next and the control period. Beside the
    simulator means that its node runs at full rate on the same machine, in another namespace.

    :param policy: path of a policy file.
    :param on_round: called after each of the ``CASES``.
    :returns: rows with median_us, p99_us and max_us of the error, p99_pct of the period, and the mean rate_hz.
    :raises InputError: if ROS is not installed or the drive node gives no commands or the simulator ends.
    """
    require_ros()
    rows = []
    for rate in RATES_HZ:
        for beside in False, True:
            rows.append(_row(policy, rate, beside, seconds))
            if on_round is not None:
                on_round()
    p99 = {row['name']: row['p99_us'] for row in rows}
    return {'benchmark': 'jitter', 'rows': rows, 'ratios': {
        f'beside_vs_alone_{rate:g}_hz': p99[_name(rate, True)] / p99[_name(rate, False)] for rate in RATES_HZ}}


def _name(rate: float, beside: bool) -> str:
    return f'{rate:g} Hz, {"beside the simulator" if beside else "alone"}'


def _row(policy: str, rate: float, beside: bool, seconds: float) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / 'simulator.log'
        with node_process('simulator', 'beside', log, {'track': TRACK}) if beside else nullcontext() as simulator:
            recording = record('drive', drive_parameters(policy, rate), seconds)
            if simulator is not None and simulator.poll() is not None:
                raise InputError(f'the simulator ended early: {last_line(log)}')
    errors = recording.period_errors_us(rate)
    median, p99 = median_and_p99(errors)
    spent = 1e-9 * float(recording.commands[-1, 1] - recording.commands[0, 1])
    return {'name': _name(rate, beside), 'median_us': median, 'p99_us': p99, 'max_us': float(errors.max()),
            'p99_pct': 1e-4 * p99 * rate, 'rate_hz': (len(recording.commands) - 1) / spent}
