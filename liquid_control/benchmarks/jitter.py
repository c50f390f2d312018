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

"""``bench jitter``: how evenly the drive node commands, alone, beside others and while policies change."""
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import numpy as np

from liquid_control.benchmarks.node import Recording, drive_parameters, record
from liquid_control.errors import InputError
from liquid_control.evaluation.statistics import median_and_p99
from liquid_control.nodes.processes import last_line, node_process, require_ros, run_probe

RATES_HZ = (30.0, 100.0)
SECONDS = 15.0
TRACK = 'random:1000000'
TRAINING_TRACK = 'random:300000'
SWAPPING = f'{RATES_HZ[0]:g} Hz, a new policy each second'
LEARNING = 'driving while the trainer learns'
CASES = len(RATES_HZ) * 2 + 2


def bench_jitter(policy: str, seconds: float = SECONDS, on_round: Callable[[], None] | None = None) -> dict:
    """Measure the time between commands at 30 and 100 Hz, fed with pictures at 30 Hz.

    An error is the difference between the time from one publication to the next and the control period. Beside the
    simulator means that its node runs at full rate on the same machine, in another namespace. In the last row but one
    the drive node is told each second to load a policy and drive by that. The last row is a closed loop: the policy
    drives at 30 Hz in the simulator, the trainer records, and its learner learns all the while.

    :param policy: path of a policy file.
    :param on_round: called after each of the ``CASES``.
    :returns: rows with median_us, p99_us and max_us of the error, p99_pct of the period, and the mean rate_hz.
    :raises InputError: if ROS is not installed or the drive node gives no commands or the simulator ends.
    """
    require_ros()
    rows = []
    for name, recording, rate in _cases(policy, seconds):
        rows.append(_described(name, recording, rate))
        if on_round is not None:
            on_round()
    p99 = {row['name']: row['p99_us'] for row in rows}
    return {'benchmark': 'jitter', 'rows': rows, 'ratios': {
        f'beside_vs_alone_{rate:g}_hz': p99[_name(rate, True)] / p99[_name(rate, False)] for rate in RATES_HZ}}


def _name(rate: float, beside: bool) -> str:
    return f'{rate:g} Hz, {"beside the simulator" if beside else "alone"}'


def _cases(policy: str, seconds: float) -> Iterator[tuple[str, Recording, float]]:
    for rate in RATES_HZ:
        for beside in False, True:
            yield _name(rate, beside), _recording(policy, rate, beside, seconds), rate
    rate, swap = RATES_HZ[0], ('--swap', str(Path(policy).resolve()))
    yield SWAPPING, record('drive', drive_parameters(policy, rate), seconds, *swap), rate
    yield LEARNING, _while_learning(policy, rate, seconds), rate


def _recording(policy: str, rate: float, beside: bool, seconds: float) -> Recording:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / 'simulator.log'
        with node_process('simulator', 'beside', log, {'track': TRACK}) if beside else nullcontext() as simulator:
            recording = record('drive', drive_parameters(policy, rate), seconds)
            if simulator is not None and simulator.poll() is not None:
                raise InputError(f'the simulator ended early: {last_line(log)}')
    return recording


def _while_learning(policy: str, rate: float, seconds: float) -> Recording:
    """Run simulator, drive node and trainer; return what the drive node published while the trainer was learning."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as nodes:
        out, common = Path(folder) / 'probe.json', {'use_sim_time': 'true'}
        parameters = {
            'simulator': {'track': TRAINING_TRACK}, 'drive': drive_parameters(policy, rate) | common,
            'trainer': common | {
                'folder': Path(folder) / 'loop', 'policy': Path(policy).resolve(), 'tracks': f"['{TRAINING_TRACK}']",
                'trial_tracks': f"['{TRAINING_TRACK}']", 'collect_s': 3.0, 'learn_s': 3.0 * seconds + 60.0,
                'expert_share': 0.0}}
        processes = [nodes.enter_context(node_process(node, 'loop', Path(folder) / f'{node}.log', values))
                     for node, values in parameters.items()]
        answered = run_probe('loop', out, '--seconds', str(seconds), '--warm-up', '3', '--while-learning')
        for node, process in zip(parameters, processes):
            if process.poll() is not None:
                raise InputError(f"the {node} ended early: {last_line(Path(folder) / f'{node}.log')}")
        if not answered:
            raise InputError(f"the trainer did not learn: {last_line(Path(folder) / 'trainer.log')}")
        commands = np.array(json.loads(out.read_text())['commands'], dtype=np.int64).reshape(-1, 3)
        return Recording(np.zeros(0, np.int64), commands, 0.0)


def _described(name: str, recording: Recording, rate: float) -> dict:
    errors = recording.period_errors_us(rate)
    median, p99 = median_and_p99(errors)
    spent = 1e-9 * float(recording.commands[-1, 1] - recording.commands[0, 1])
    return {'name': name, 'median_us': median, 'p99_us': p99, 'max_us': float(errors.max()),
            'p99_pct': 1e-4 * p99 * rate, 'rate_hz': (len(recording.commands) - 1) / spent}
