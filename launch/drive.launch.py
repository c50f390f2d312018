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

"""Drive on a real car or in a simulator: ``ros2 launch liquid_control drive.launch.py --show-args``."""
import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, SetEnvironmentVariable, Shutdown)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from liquid_control.nodes.keys import enclave
from liquid_control.nodes.launching import leave_ctrl_c_to_launch
from liquid_control.nodes.transport import RANGE, use_udp

PACKAGE = 'liquid_control'
SHARE = Path(get_package_share_directory(PACKAGE))
CONFIG = SHARE / 'config'
TRUE_FALSE = ['true', 'false']
ARGUMENTS = (
    DeclareLaunchArgument(
        'sim', default_value='none', choices=['none', 'embedded', 'gazebo'],
        description='where to drive: none = on the car whose topics are here, embedded = in the MuJoCo simulator, '
                    'gazebo = in Gazebo Sim through ros_gz'),
    DeclareLaunchArgument('policy', default_value='', description='policy file; empty for that of params_file'),
    DeclareLaunchArgument(
        'rate', default_value='', description='control rate in Hz, 10 to 100; empty for that of params_file'),
    DeclareLaunchArgument(
        'params_file', default_value=str(CONFIG / 'drive.yaml'),
        description='parameters of the drive node'),
    DeclareLaunchArgument(
        'autostart', default_value='true', choices=TRUE_FALSE,
        description='whether the drive node configures and activates itself: '
                    'the car moves as soon as pictures and IMU arrive'),
    DeclareLaunchArgument(
        'namespace', default_value='', description='namespace of the nodes and of their topics but /clock'),
    DeclareLaunchArgument(
        'use_sim_time', default_value='auto', choices=['auto', *TRUE_FALSE],
        description='whether the drive node takes its time from /clock; auto = in a simulator only'),
    DeclareLaunchArgument('image_topic', default_value='camera/image_raw', description='sensor_msgs/Image to drive by'),
    DeclareLaunchArgument('imu_topic', default_value='imu/data_raw', description='sensor_msgs/Imu to drive by'),
    DeclareLaunchArgument('command_topic', default_value='cmd_vel', description='where the commands go'),
    DeclareLaunchArgument(
        'track', default_value='',
        description='for a simulator: random:SEED or a centre-line CSV; empty for that of sim_params_file or world'),
    DeclareLaunchArgument(
        'sim_params_file', default_value=str(CONFIG / 'simulator.yaml'),
        description='parameters of the embedded simulator'),
    DeclareLaunchArgument(
        'world', default_value=str(SHARE / 'worlds' / 'world.sdf'),
        description='for Gazebo: SDF file that liquid-control world wrote; without effect where track is given'),
    DeclareLaunchArgument(
        'headless', default_value='false', choices=TRUE_FALSE, description='for Gazebo: true = without a window'),
    DeclareLaunchArgument(
        'server', default_value='true', choices=TRUE_FALSE,
        description='for Gazebo: false = bring one more car, with a namespace of its own, into one that runs already'),
    DeclareLaunchArgument(
        'place', default_value='0',
        description='for Gazebo: where the car starts, 0 to 7: at the start of the road or so many metres behind'),
    DeclareLaunchArgument('rviz', default_value='false', choices=TRUE_FALSE, description='show the car in RViz'),
    DeclareLaunchArgument(
        'record', default_value='', description='folder, new, for a rosbag2 MCAP bag of the drive; empty for none'),
    DeclareLaunchArgument(
        'discovery', default_value=os.environ.get(RANGE, 'LOCALHOST'),
        choices=['LOCALHOST', 'SUBNET', 'SYSTEM_DEFAULT', 'OFF'],
        description='who may find these nodes: LOCALHOST = this machine only, SUBNET = everybody in the network, who '
                    'can then drive the car too (docs/security.md)'),
)


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes that they ask for."""
    leave_ctrl_c_to_launch()
    found = SetEnvironmentVariable(RANGE, LaunchConfiguration('discovery'))
    return LaunchDescription([*ARGUMENTS, found, OpaqueFunction(function=_nodes)])


def _nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    use_udp()
    given = {argument.name: context.launch_configurations[argument.name] for argument in ARGUMENTS}
    simulated = given['sim'] != 'none' if given['use_sim_time'] == 'auto' else given['use_sim_time'] == 'true'
    simulator = {'none': [], 'embedded': [_simulator(given)], 'gazebo': [_gazebo(given)]}[given['sim']]
    watch = [_watch(given, simulated)] if given['rviz'] == 'true' or given['record'] else []
    return [*simulator, _drive(given, simulated), *watch]


def _drive(given: dict[str, str], simulated: bool) -> Node:
    parameters = {'autostart': given['autostart'] == 'true', 'use_sim_time': simulated}
    if given['policy']:
        parameters['policy'] = given['policy']
    if given['rate']:
        parameters['control_rate_hz'] = float(given['rate'])
    return _node('drive', given, [given['params_file'], parameters], list(_topics(given).items()))


def _topics(given: dict[str, str]) -> dict[str, str]:
    """Return the drive node's name of each topic and where it is."""
    return {
        'camera/image_raw': given['image_topic'], 'camera/image_raw/compressed': f"{given['image_topic']}/compressed",
        'imu/data_raw': given['imu_topic'], 'cmd_vel': given['command_topic']}


def _simulator(given: dict[str, str]) -> Node:
    track = [{'track': given['track']}] if given['track'] else []
    return _node('simulator', given, [given['sim_params_file'], *track], [])


def _gazebo(given: dict[str, str]) -> IncludeLaunchDescription:
    passed_on = ('track', 'world', 'headless', 'server', 'place', 'namespace')
    return _include('gazebo.launch.py', {name: given[name] for name in passed_on})


def _watch(given: dict[str, str], simulated: bool) -> IncludeLaunchDescription:
    return _include('watch.launch.py', {
        'rviz': given['rviz'], 'record': given['record'], 'namespace': given['namespace'],
        'topics': ' '.join(_topics(given).values()), 'use_sim_time': str(simulated).lower()})


def _include(file: str, arguments: dict[str, str]) -> IncludeLaunchDescription:
    return IncludeLaunchDescription(str(SHARE / 'launch' / file), launch_arguments=arguments.items())


def _node(name: str, given: dict[str, str], parameters: list, remappings: list[tuple[str, str]]) -> Node:
    """Return a node whose end is the end of the launch."""
    return Node(
        package=PACKAGE, executable=name, namespace=given['namespace'], parameters=parameters, remappings=remappings,
        ros_arguments=enclave(name), output='screen', emulate_tty=True, on_exit=Shutdown())
