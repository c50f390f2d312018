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

"""onboard.launch.py, where ROS 2's launch is installed: nodes, names, and a start with other drivers."""
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

pytest.importorskip('launch_ros', reason='launch_ros is not installed; it comes with an apt ROS 2')

from test_launch import RUN, prefix  # noqa: E402, F401

from liquid_control.cli.ros_domain import free_domain  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / 'launch' / 'onboard.launch.py'
OTHER_DRIVER = """#!/usr/bin/env python3
import json, os, signal, sys
name = os.path.basename(sys.argv[0])
open(os.path.join({folder!r}, name + '.json'), 'w').write(json.dumps(sys.argv[1:]))
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
signal.pause()
"""


def description():
    return runpy.run_path(str(FILE))['generate_launch_description']()


def nodes(**given: str) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Return node name -> (package/executable, namespace, remappings) of the nodes that arguments ask for."""
    from launch import LaunchContext
    from launch.actions import DeclareLaunchArgument
    context = LaunchContext()
    context.launch_configurations.update(given)
    found = {}
    for entity in description().entities:
        made = entity.visit(context)
        for node in [] if isinstance(entity, DeclareLaunchArgument) else made:
            node._perform_substitutions(context)
            name = node.node_name.rsplit('/', 1)[-1].strip('<>')
            found[name if 'unspecified' not in name else node.node_executable] = (
                f'{node.node_package}/{node.node_executable}', node.expanded_node_namespace.strip('/<>'),
                dict(node.expanded_remapping_rules or []))
    return found


def test_every_argument_is_described():
    arguments = {argument.name: argument.description for argument in description().get_launch_arguments()}
    assert {'chassis', 'camera', 'imu', 'joystick', 'policy', 'rate', 'namespace', 'autostart', 'record', 'params_file',
            'chassis_params_file', 'image_topic', 'imu_topic', 'command_topic'} == set(arguments)
    assert all(len(text) > 10 and text != 'no description given' for text in arguments.values())


def test_a_car_gets_camera_imu_joystick_and_the_drive_node():
    found = nodes(namespace='car1')
    assert {name: kind for name, (kind, _, _) in found.items()} == {
        'v4l2_camera': 'v4l2_camera/v4l2_camera_node', 'bno055': 'bno055/bno055',
        'joystick': 'joy/game_controller_node', 'teleop': 'teleop_twist_joy/teleop_node',
        'drive': 'liquid_control/drive'}
    assert {name: place for name, (_, place, _) in found.items()} == {
        'v4l2_camera': 'car1/camera', 'bno055': 'car1', 'joystick': 'car1', 'teleop': 'car1', 'drive': 'car1'}
    assert found['bno055'][2] == {'bno055/imu_raw': 'imu/data_raw'}
    assert found['teleop'][2] == {'cmd_vel': 'cmd_vel_teleop'}
    assert found['drive'][2]['cmd_vel'] == 'cmd_vel'


def test_every_driver_can_be_left_out_or_be_another():
    assert set(nodes(camera='none', imu='none', joystick='false')) == {'drive'}
    assert nodes(camera='libcamera')['camera'] == ('camera_ros/camera_node', '', {})


def test_a_chassis_brings_its_nodes_and_its_topic():
    chassis = {'camera': 'none', 'imu': 'none', 'joystick': 'false'}
    f1tenth, pwm, control = (nodes(chassis=kind, **chassis) for kind in ('f1tenth', 'pwm', 'ros2_control'))
    assert set(f1tenth) == {'vesc_driver', 'ackermann_to_vesc', 'drive'}
    assert f1tenth['ackermann_to_vesc'][2] == {'ackermann_cmd': 'drive'}
    assert pwm['pwm'][0] == 'liquid_control/pwm' and pwm['drive'][2]['cmd_vel'] == 'cmd_vel'
    assert control['spawner'][0] == 'controller_manager/spawner'
    assert control['drive'][2]['cmd_vel'] == 'ackermann_steering_controller/reference'
    assert nodes(command_topic='/base/cmd', **chassis)['drive'][2]['cmd_vel'] == '/base/cmd'


def test_a_bag_has_the_commands_wherever_they_go():
    topics = runpy.run_path(str(FILE))['_topics']
    given = {'image_topic': 'camera/image_raw', 'imu_topic': 'imu/data_raw', 'command_topic': ''}
    for chassis, topic in ('ros2_control', 'ackermann_steering_controller/reference'), ('pwm', 'cmd_vel'):
        assert topic in topics({**given, 'chassis': chassis}).values()
    assert '/base/cmd' in topics({**given, 'chassis': 'f1tenth', 'command_topic': '/base/cmd'}).values()


def test_every_section_of_the_parameters_is_of_a_node_that_is_launched():
    launched = set()
    for camera in 'v4l2', 'libcamera':
        for chassis in 'f1tenth', 'pwm', 'ros2_control':
            launched |= set(nodes(camera=camera, chassis=chassis))
    sections = {name.removeprefix('/**/') for file in ROOT.glob('config/[co][hn]*.yaml')
                for name in yaml.safe_load(file.read_text())}
    assert sections - launched == {'ackermann_steering_controller'}  # the spawner gives it these
    assert launched - sections == {'spawner'}


def test_it_starts_and_ctrl_c_ends_it_with_code_0(prefix, tmp_path):  # noqa: F811
    drivers = {'v4l2_camera': 'v4l2_camera_node', 'bno055': 'bno055', 'joy': 'game_controller_node',
               'teleop_twist_joy': 'teleop_node', 'controller_manager': 'spawner'}
    for package, executable in drivers.items():
        (prefix / 'share' / 'ament_index' / 'resource_index' / 'packages' / package).touch()
        file = prefix / 'lib' / package / executable
        file.parent.mkdir()
        file.write_text(OTHER_DRIVER.format(folder=str(tmp_path)))
        file.chmod(0o755)
    log = tmp_path / 'launch.log'
    environment = os.environ | {'ROS_DOMAIN_ID': str(free_domain(os.getpid()))}
    command = [sys.executable, '-c', RUN, str(FILE), 'chassis:=ros2_control', 'namespace:=car1']
    with log.open('w') as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                   cwd=tmp_path, env=environment)
    limit = time.monotonic() + 90.0
    while 'no camera message on /car1/camera/image_raw yet' not in log.read_text():
        assert process.poll() is None and time.monotonic() < limit, log.read_text()
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches every process
    assert process.wait(30.0) == 0, log.read_text()
    told = log.read_text()
    assert told.count('process has finished cleanly') == 6 and 'Traceback' not in told, told
    given = {name: json.loads((tmp_path / f'{name}.json').read_text()) for name in drivers.values()}
    assert given['spawner'][:3] == ['ackermann_steering_controller', '--param-file',
                                    str(prefix / 'share' / 'liquid_control' / 'config' / 'chassis_ros2_control.yaml')]
    keys = {'v4l2_camera_node': 'sensors', 'bno055': 'sensors', 'game_controller_node': 'teleop',
            'teleop_node': 'teleop'}
    assert {name: given[name][given[name].index('--enclave') + 1] for name in keys} == {
        name: f'/liquid_control/{enclave}' for name, enclave in keys.items()}
    for name in set(given) - {'spawner'}:
        assert str(prefix / 'share' / 'liquid_control' / 'config' / 'onboard.yaml') in given[name]
    assert '__ns:=/car1/camera' in given['v4l2_camera_node'] and '__ns:=/car1' in given['bno055']
