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

"""``bench node``: camera stamp to command through DDS, the drive node and an empty node in turns."""
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from liquid_control.nodes.processes import last_line, node_process, require_ros, resident_mb, run_probe
from liquid_control.benchmarks.timing import ratio
from liquid_control.errors import InputError
from liquid_control.evaluation.statistics import median_and_p99
from liquid_control.simulation.car import default_car

ROUNDS = 4
SECONDS = 6.0


@dataclass(frozen=True)
class Recording:
    """What the probe saw, times in ns of the system clock.

    :param pictures: (P,) stamps of the pictures.
    :param commands: (C, 3): stamp in the header, publication, receipt.
    :param memory_mb: resident memory of the node at the end.
    """

    pictures: np.ndarray
    commands: np.ndarray
    memory_mb: float

    def latencies_us(self) -> np.ndarray:
        """Return the time from the stamp of each answered picture to the receipt of its first command."""
        stamps, first = np.unique(self.commands[:, 0], return_index=True)
        answered = np.isin(stamps, self.pictures)
        return (self.commands[first, 2] - self.commands[first, 0])[answered] / 1e3

    def answered(self) -> float:
        """Return the fraction of pictures that got a command, without the last, whose answer may be on its way."""
        return float(np.isin(self.pictures[:-1], self.commands[:, 0]).mean())

    def period_errors_us(self, rate_hz: float) -> np.ndarray:
        """Return by how much the time between commands, at their publication, differs from the period."""
        return np.abs(np.diff(self.commands[:, 1]) / 1e3 - 1e6 / rate_hz)


@dataclass
class Pooled:
    """Samples of one node over all rounds."""

    latencies: list[float] = field(default_factory=list)
    period_errors: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    memory_mb: float = 0.0

    def add(self, recording: Recording, rate_hz: float) -> None:
        """Take the samples of a round."""
        self.latencies += recording.latencies_us().tolist()
        self.period_errors += recording.period_errors_us(rate_hz).tolist()
        self.answered.append(recording.answered())
        self.memory_mb = max(self.memory_mb, recording.memory_mb)

    def row(self, name: str, rate_hz: float) -> dict:
        """Return the row of the benchmark."""
        median, p99 = median_and_p99(self.latencies)
        error_p99 = median_and_p99(self.period_errors)[1]
        return {'name': name, 'median_us': median, 'p99_us': p99, 'answered': float(np.mean(self.answered)),
                'period_error_p99_pct': 1e-4 * error_p99 * rate_hz, 'memory_mb': self.memory_mb}


def bench_node(
        policy: str, rounds: int = ROUNDS, seconds: float = SECONDS,
        on_round: Callable[[], None] | None = None) -> dict:
    """Measure both nodes in turns, each in a process of its own, fed by the same probe.

    Pictures of the camera's size come at 30 Hz, IMU samples at 100 Hz, both with system-time stamps. A latency is
    from the stamp of a picture to the receipt of its command in the process that sent the picture.

    :param policy: path of a policy file.
    :param on_round: called after each round of both.
    :raises InputError: if ROS is not installed or the drive node gives no commands; the message has its last line.
    """
    require_ros()
    rate = default_car().camera.rate_hz
    pooled = {'drive node': Pooled(), 'empty node': Pooled()}
    for _ in range(rounds):
        pooled['drive node'].add(record('drive', drive_parameters(policy, rate), seconds), rate)
        pooled['empty node'].add(record('empty', {}, seconds), rate)
        if on_round is not None:
            on_round()
    rows = [samples.row(name, rate) for name, samples in pooled.items()]
    return {'benchmark': 'node', 'rows': rows, 'ratios': {
        'node_p50': ratio(rows, 'drive node', 'empty node'),
        'node_p99': ratio(rows, 'drive node', 'empty node', 'p99_us')}}


def drive_parameters(policy: str, rate_hz: float) -> dict[str, object]:
    """Return the parameters of a drive node that starts by itself."""
    return {'policy': Path(policy).resolve(), 'control_rate_hz': rate_hz, 'autostart': 'true'}


def record(node: str, parameters: dict[str, object], seconds: float, *options: str) -> Recording:
    """Run a node and the probe, with its options, in a namespace of their own for ``seconds``.

    :raises InputError: if no command came.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, log = Path(folder) / 'probe.json', Path(folder) / 'node.log'
        if node == 'drive':
            parameters = parameters | {'black_box_folder': Path(folder) / 'black_box'}
        with node_process(node, 'bench', log, parameters) as process:
            answered = run_probe('bench', out, '--seconds', str(seconds), *options)
            memory = resident_mb(process.pid) if process.poll() is None else 0.0
        if not answered:
            raise InputError(f'the {node} node gave no commands: {last_line(log)}')
        data = json.loads(out.read_text())
    commands = np.array(data['commands'], dtype=np.int64).reshape(-1, 3)
    return Recording(np.array(data['pictures'], dtype=np.int64), commands, memory)
