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

from liquid_control.nodes.transport import PROFILES, RANGE  # noqa: E402

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


INTERRUPTED = """
import asyncio, signal
start = asyncio.base_events.BaseEventLoop.subprocess_exec
async def interrupted(*given, **named):
    signal.raise_signal(signal.SIGINT)
    return await start(*given, **named)
asyncio.base_events.BaseEventLoop.subprocess_exec = interrupted
"""
"""Ctrl-C in the middle of launch's starting a process."""


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
    monkeypatch.setenv(RANGE, 'LOCALHOST')
    return prefix


FILES = ('drive', 'train', 'gazebo', 'watch')


def launch(*arguments: str, file: str = 'drive') -> list[str]:
    """Return the command that runs a launch file."""
    return [sys.executable, '-c', RUN, str(REPOSITORY / 'launch' / f'{file}.launch.py'), *arguments]


def description(file: str = 'drive'):
    return runpy.run_path(str(REPOSITORY / 'launch' / f'{file}.launch.py'))['generate_launch_description']()


def processes(file: str = 'drive', **given: str) -> dict:
    """Return what a launch file starts with these arguments, by node name or, without one, by executable."""
    from launch import LaunchContext
    from launch.actions import ExecuteProcess
    from launch_ros.actions import Node
    context = LaunchContext()
    context.launch_configurations.update(given)
    found = {}

    def walk(entity) -> None:
        if isinstance(entity, Node):
            found[entity._Node__node_name or entity.node_executable] = entity
        elif isinstance(entity, ExecuteProcess):
            words = [''.join(part.perform(context) for part in word) for word in entity.cmd]
            found[words[0]] = words
        else:
            for part in entity.visit(context) or ():
                walk(part)
    walk(description(file))
    return found


def remappings(node) -> dict[str, str]:
    from launch import LaunchContext
    from launch.utilities import perform_substitutions
    pairs = node._Node__remappings
    return {perform_substitutions(LaunchContext(), list(old)): perform_substitutions(LaunchContext(), list(new))
            for old, new in pairs}


@pytest.mark.parametrize('file', FILES)
def test_every_argument_is_described(file):
    arguments = {argument.name: argument.description for argument in description(file).get_launch_arguments()}
    expected = {
        'drive': {'sim', 'policy', 'track', 'world', 'rate', 'namespace', 'use_sim_time', 'rviz', 'record', 'headless',
                  'params_file', 'autostart'},
        'train': {'sim', 'policy', 'tracks', 'rate', 'namespace', 'use_sim_time', 'params_file'},
        'gazebo': {'track', 'world', 'headless', 'namespace', 'server'}, 'watch': {'rviz', 'record'}}
    assert expected[file] <= set(arguments)
    assert all(len(text) > 10 and text != 'no description given' for text in arguments.values())


def test_nobody_outside_this_machine_is_let_in_unless_asked_for(monkeypatch):
    def profile(file, given, **arguments):
        monkeypatch.delenv(PROFILES, raising=False)
        monkeypatch.delenv(RANGE, raising=False)
        if given:
            monkeypatch.setenv(RANGE, given)
        processes(file, **arguments)
        assert os.environ[RANGE] == 'SUBNET'
        return Path(os.environ[PROFILES]).name
    for file in 'drive', 'train':
        assert profile(file, None) == 'local.xml'
        assert profile(file, 'SUBNET') == 'network.xml'
    assert profile('drive', None, discovery='SUBNET') == 'network.xml'


@pytest.mark.parametrize('file, names', [
    ('drive', {'simulator', 'drive'}), ('train', {'simulator', 'drive', 'trainer'})])
def test_every_node_has_the_keys_of_its_name(file, names):
    from launch import LaunchContext
    from launch.utilities import perform_substitutions
    found = processes(file, sim='embedded')
    words = {name: [perform_substitutions(LaunchContext(), word) for word in node.cmd[1:] if len(word) == 1]
             for name, node in found.items()}
    assert {name: said[said.index('--enclave') + 1] for name, said in words.items()} == {
        name: f'/liquid_control/{name}' for name in names}


def test_a_real_car_gets_the_drive_node_only():
    assert list(processes()) == ['drive']
    assert list(processes(sim='embedded')) == ['simulator', 'drive']


def test_gazebo_comes_with_bridges_and_guards():
    started = processes(sim='gazebo', headless='true')
    assert list(started) == ['gz', 'gazebo_clock_bridge', 'create_car', 'gazebo_bridge', 'gazebo_stop_bridge',
                             'command_guard', 'stop_guard', 'drive']
    assert started['gz'][:5] == ['gz', 'sim', '-r', '-s', '--headless-rendering']
    assert Path(started['gz'][5]).samefile(REPOSITORY / 'worlds' / 'world.sdf')
    assert remappings(started['command_guard']) == {
        'commands': 'cmd_vel', 'guarded': 'gazebo/cmd_vel', 'brake': 'gazebo/brake'}
    assert 'nodes.outlasting' in started['gazebo_stop_bridge'].process_description.prefix[0].text
    assert remappings(started['stop_guard']) == {
        'commands': 'gazebo/cmd_vel', 'guarded': 'gazebo/stop', 'brake': 'gazebo/stop_brake'}


def test_a_second_car_joins_a_gazebo_that_runs():
    started = processes(sim='gazebo', server='false', namespace='blue', place='1')
    assert 'gz' not in started and 'gazebo_clock_bridge' not in started
    words = [''.join(getattr(part, 'text', '') for part in word) for word in started['create_car'].cmd]
    assert words[words.index('-name') + 1] == 'blue'
    assert '/blue/cmd_vel' in words[words.index('-string') + 1]


def test_gazebo_gets_a_world_of_any_track():
    started = processes(sim='gazebo', track='random:7')
    world = Path(started['gz'][3])
    assert world.name == 'world.sdf' and 'road_0.obj' in world.read_text()


def test_the_trainer_gets_all_its_roads_in_one_world():
    started = processes('train', sim='gazebo', tracks='random:1,random:2')
    assert list(started) == ['gz', 'gazebo_clock_bridge', 'create_car', 'gazebo_bridge', 'gazebo_stop_bridge',
                             'command_guard', 'stop_guard', 'simulator', 'drive', 'trainer']
    world = Path(started['gz'][3]).read_text()
    assert world.count('<model name="road_') == 2 + 6  # and the tracks of its trials
    assert remappings(started['simulator']) == {'world_odom': 'gazebo/odom'}
    assert remappings(started['gazebo_bridge']) == {'odom': 'gazebo/odom'}


def test_the_roads_are_those_of_a_parameters_file(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text("trainer: {ros__parameters: {tracks: ['random:1'], trial_tracks: ['random:2', 'random:3']}}")
    started = processes('train', sim='gazebo', params_file=str(file))
    assert Path(started['gz'][3]).read_text().count('<model name="road_') == 3


def test_watching_is_asked_for(tmp_path):
    pytest.importorskip('xacro')
    started = processes(sim='embedded', rviz='true', record=str(tmp_path / 'bag'), namespace='blue')
    assert {'robot_state_publisher', 'rviz2'} < set(started)
    usual = {'/blue/camera/image_raw', '/blue/cmd_vel', '/blue/drive', '/diagnostics'}
    assert usual < set(started['ros2'])
    started = processes(record='bag', namespace='blue', image_topic='front/image_raw', command_topic='/base/reference')
    moved = {'/blue/front/image_raw', '/blue/front/image_raw/compressed', '/base/reference'}
    assert usual | moved < set(started['ros2'])


def test_an_unknown_simulator_is_named():
    with pytest.raises(RuntimeError, match='mars'):
        processes(sim='mars')


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


def test_ctrl_c_while_a_process_is_being_started_ends_the_launch(tmp_path):
    command = launch(f'policy:={POLICY}')
    command[2] = INTERRUPTED + RUN
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=90.0)
    assert done.returncode == 0 and 'KeyboardInterrupt' not in done.stderr, done.stdout + done.stderr
    assert 'user interrupted with ctrl-c' in done.stderr + done.stdout


def test_launch_testing_sees_a_car_drive_and_every_process_end_well(tmp_path):
    pytest.importorskip('launch_testing')
    from liquid_control.cli.ros_domain import free_domain
    done = subprocess.run(
        [sys.executable, '-c', 'import sys; from launch_testing.launch_test import main; sys.exit(main())',
         str(Path(__file__).with_name('launch_drive.py'))], capture_output=True, text=True, cwd=tmp_path,
        timeout=180.0, env=os.environ | {'ROS_DOMAIN_ID': str(free_domain(os.getpid()))})
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Ran 2 tests' in done.stderr or done.stderr.count('Ran 1 test') == 2, done.stderr


def test_the_end_of_the_simulator_is_the_end_of_all(tmp_path):
    done = subprocess.run(
        launch('sim:=embedded', f'policy:={POLICY}', 'track:=missing.csv'), capture_output=True, text=True,
        cwd=tmp_path, timeout=90.0)
    told = done.stdout + done.stderr
    assert "error: track 'missing.csv'" in told and 'process[simulator-1] was required' in told
    assert 'driving' not in told
