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

"""Launch files, where ROS 2's launch is installed (the pip wheels do not hold it)."""
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('launch_ros', reason='launch_ros is not installed; it comes with an apt ROS 2')

REPOSITORY = Path(__file__).resolve().parents[1]
POLICY = REPOSITORY / 'models' / 'ncp19.safetensors'
RUN = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
arguments = [item.split(':=') for item in sys.argv[2:]]
service = LaunchService()
included = IncludeLaunchDescription(sys.argv[1], launch_arguments=arguments)
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""


@pytest.fixture(autouse=True)
def prefix(tmp_path, monkeypatch) -> Path:
    """Return a ROS prefix that holds this source tree as an installed package."""
    prefix = tmp_path / 'prefix'
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    (index / 'liquid_control').touch()
    (prefix / 'share' / 'liquid_control').symlink_to(REPOSITORY)
    (prefix / 'lib').mkdir()
    (prefix / 'lib' / 'liquid_control').symlink_to(REPOSITORY / 'scripts')
    places = {'AMENT_PREFIX_PATH': prefix, 'PYTHONPATH': REPOSITORY, 'PATH': Path(sys.executable).parent}
    for name, first in places.items():
        monkeypatch.setenv(name, os.pathsep.join(filter(None, (str(first), os.environ.get(name)))))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    return prefix


def launch(*arguments: str) -> list[str]:
    """Return the command that runs the launch file."""
    return [sys.executable, '-c', RUN, str(REPOSITORY / 'launch' / 'drive.launch.py'), *arguments]


def description():
    return runpy.run_path(str(REPOSITORY / 'launch' / 'drive.launch.py'))['generate_launch_description']()


def nodes(**given: str) -> list:
    """Return the nodes that the launch file starts with these arguments."""
    from launch import LaunchContext
    from launch.actions import DeclareLaunchArgument
    context = LaunchContext()
    context.launch_configurations.update(given)
    made = []
    for entity in description().entities:
        found = entity.visit(context)
        if not isinstance(entity, DeclareLaunchArgument):
            made += found
    return made


def test_every_argument_is_described():
    arguments = {argument.name: argument.description for argument in description().get_launch_arguments()}
    assert {'sim', 'policy', 'track', 'rate', 'namespace', 'use_sim_time', 'params_file', 'autostart'} <= set(arguments)
    assert all(len(text) > 10 and text != 'no description given' for text in arguments.values())


def test_a_real_car_gets_the_drive_node_only():
    assert [node.node_executable for node in nodes()] == ['drive']
    assert [node.node_executable for node in nodes(sim='embedded')] == ['simulator', 'drive']


@pytest.mark.parametrize('value', ['gazebo', 'mars'])
def test_an_unknown_simulator_is_named(value):
    with pytest.raises(RuntimeError, match=value):
        nodes(sim=value)


def test_ctrl_c_ends_a_simulated_drive_with_code_0(tmp_path):
    from liquid_control.cli.ros_domain import free_domain
    log = tmp_path / 'launch.log'
    domain = {'ROS_DOMAIN_ID': str(free_domain(os.getpid()))}
    with log.open('w') as output:
        process = subprocess.Popen(
            launch('sim:=embedded', f'policy:={POLICY}'), stdout=output, stderr=subprocess.STDOUT, cwd=tmp_path,
            env=os.environ | domain)
    limit = time.monotonic() + 90.0
    while ': driving' not in log.read_text():
        assert process.poll() is None and time.monotonic() < limit, log.read_text()
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(30.0) == 0, log.read_text()
    assert log.read_text().count('process has finished cleanly') == 2 and 'Traceback' not in log.read_text()


def test_the_end_of_the_simulator_is_the_end_of_all(tmp_path):
    done = subprocess.run(
        launch('sim:=embedded', f'policy:={POLICY}', 'track:=missing.csv'), capture_output=True, text=True,
        cwd=tmp_path, timeout=90.0)
    told = done.stdout + done.stderr
    assert "error: track 'missing.csv'" in told and 'process[simulator-1] was required' in told
    assert 'driving' not in told
