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

"""Nodes as processes of their own, in the ROS domain of this process."""
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from liquid_control.errors import InputError

STOP_TIMEOUT_S = 10.0


def require_ros() -> None:
    """Raise InputError unless rclpy is installed."""
    if importlib.util.find_spec('rclpy') is None:
        raise InputError("ROS 2 is not installed: no module 'rclpy'; source /opt/ros/DISTRO/setup.bash, "
                         "or pip install 'liquid_control[ros]'")


def environment() -> dict[str, str]:
    """Return this process's environment for a node with one torch thread."""
    return os.environ | {'OMP_NUM_THREADS': '1'}


@contextmanager
def node_process(name: str, namespace: str, log: Path, parameters: Mapping[str, object],
                 remaps: Mapping[str, str] | None = None, before: Sequence[str] = ()) -> Iterator[subprocess.Popen]:
    """Run ``liquid_control.nodes.NAME`` in a namespace while the body runs, then stop it as Ctrl-C would.

    :param log: file that takes its output.
    :param remaps: other names for topics, and for the node as ``__node``.
    :param before: a command that runs the node, such as ``nice``, with its options.
    """
    arguments = ['-r', f'__ns:=/{namespace}']
    for old, new in (remaps or {}).items():
        arguments += ['-r', f'{old}:={new}']
    for parameter, value in parameters.items():
        arguments += ['-p', f'{parameter}:={value}']
    with log.open('w') as output:
        process = subprocess.Popen(
            [*before, sys.executable, '-m', f'liquid_control.nodes.{name}', '--ros-args', *arguments],
            env=environment(), stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield process
        finally:
            stop_process(process)


def run_probe(namespace: str, out: Path, *options: str) -> bool:
    """Run the probe in a namespace until it is done; tell whether any command came."""
    arguments = [sys.executable, '-m', 'liquid_control.nodes.probe', str(out), *options]
    done = subprocess.run([*arguments, '--ros-args', '-r', f'__ns:=/{namespace}'], env=environment(), check=False)
    return done.returncode == 0


def last_line(log: Path) -> str:
    """Return the last line that a node wrote."""
    return (log.read_text().strip().splitlines() or ['no output'])[-1]


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (10^6 bytes)."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(f'process {pid} has ended')


def stop_process(process: subprocess.Popen) -> None:
    """Interrupt a process as Ctrl-C would, if it still runs, and wait; kill it when it does not end in ten seconds."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
