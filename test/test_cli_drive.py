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

"""The whole chain for real: simulator and drive node as processes over DDS."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

REPOSITORY = Path(__file__).resolve().parents[1]


def command(*arguments: str) -> list[str]:
    return [sys.executable, '-m', 'liquid_control', 'drive', *arguments]


def node_processes(folder: Path) -> list[str]:
    """Return the node processes whose output goes into a folder."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        try:
            if os.readlink(process / 'fd' / '1').startswith(str(folder)):
                found.append((process / 'cmdline').read_text().replace('\0', ' '))
        except OSError:
            continue
    return found


def test_one_lap_of_an_unseen_track(tmp_path):
    done = subprocess.run(
        command('--laps', '1', '--track', 'random:1000002', '--out', str(tmp_path),
                '--json', str(tmp_path / 'drive.json')),
        cwd=REPOSITORY, capture_output=True, text=True, timeout=240.0)
    logs = [(tmp_path / name).read_text() for name in ('simulator.log', 'drive.log')]
    assert done.returncode == 0, (done.stdout, done.stderr, logs)
    figures = json.loads((tmp_path / 'drive.json').read_text())
    assert set(figures) == {
        'track', 'policy', 'laps', 'completed', 'off_road', 'seconds', 'mean_abs_lateral_m', 'max_abs_lateral_m',
        'control_rate_hz', 'latency_ms'}
    assert (figures['track'], figures['laps']) == ('random:1000002', 1)
    assert figures['completed'] and not figures['off_road']
    assert 0.0 < figures['mean_abs_lateral_m'] <= figures['max_abs_lateral_m'] < 0.5
    assert 0.0 < figures['control_rate_hz']['p1'] <= figures['control_rate_hz']['mean'] < 31.0
    assert 0.0 < figures['latency_ms']['p50'] <= figures['latency_ms']['p99']
    assert (tmp_path / 'path.png').stat().st_size > 10_000 and (tmp_path / 'drive.mp4').stat().st_size > 100_000
    assert 'lap 1/1' in done.stdout and '1 of 1 laps, completed' in done.stdout
    assert node_processes(tmp_path) == []


def test_a_policy_that_learned_nothing_leaves_the_road(tmp_path):
    from liquid_control.learning.simulated import new_policy
    from liquid_control.policy.policy_file import save_policy
    save_policy(new_policy('ltc', 'small', seed=0), tmp_path / 'untrained.safetensors')
    done = subprocess.run(
        command('--policy', str(tmp_path / 'untrained.safetensors'), '--road-width', '0.8', '--out', str(tmp_path),
                '--json', str(tmp_path / 'drive.json')),
        cwd=REPOSITORY, capture_output=True, text=True, timeout=240.0)
    assert done.returncode == 1, (done.stdout, done.stderr)
    figures = json.loads((tmp_path / 'drive.json').read_text())
    assert figures['off_road'] and not figures['completed']
    assert figures['max_abs_lateral_m'] > 0.4
    assert 'off road' in done.stdout and 'Traceback' not in done.stderr


def test_ctrl_c_stops_everything(tmp_path):
    process = subprocess.Popen(
        command('--out', str(tmp_path)), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 120.0
    while 'lap 1/3' not in process.stdout.readline():
        assert process.poll() is None and time.monotonic() < limit
    assert len(node_processes(tmp_path)) == 2
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60.0)
    assert process.returncode == 130 and told == 'interrupted\n'
    assert node_processes(tmp_path) == []
    assert 'Traceback' not in (tmp_path / 'drive.log').read_text() + (tmp_path / 'simulator.log').read_text()
