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

"""Close the loop on a real car or in a simulator: ``ros2 launch liquid_control train.launch.py --show-args``."""
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
from liquid_control.nodes.trainer_settings import trainer_settings
from liquid_control.readiness.params_file import read_params

PACKAGE = 'liquid_control'
SHARE = Path(get_package_share_directory(PACKAGE))
CONFIG = SHARE / 'config'
TRUE_FALSE = ['true', 'false']
ARGUMENTS = (
    DeclareLaunchArgument(
        'sim', default_value='none', choices=['none', 'embedded', 'gazebo'],
        description='where to drive: none = on the car whose topics are here, embedded = in the MuJoCo simulator, '
                    'gazebo = in Gazebo Sim through ros_gz, in a world of all tracks'),
    DeclareLaunchArgument(
        'folder', default_value='',
        description='folder of the bags, policies and journal; it goes on where it ended; empty for that of '
                    'params_file'),
    DeclareLaunchArgument(
        'teacher', default_value='', choices=['', 'expert', 'human', 'bag'],
        description='expert = pure pursuit on odom, human = cmd_vel_teleop, bag = recordings; empty for that of '
                    'params_file'),
    DeclareLaunchArgument(
        'policy', default_value='', description='policy file to begin with in an empty folder; empty for that of '
                                                'params_file'),
    DeclareLaunchArgument(
        'tracks', default_value='',
        description='tracks that the expert visits, with commas between: random:SEED or centre-line CSV files; empty '
                    'for those of params_file'),
    DeclareLaunchArgument(
        'track', default_value='', description='track that the simulator begins with; empty for that of '
                                               'sim_params_file'),
    DeclareLaunchArgument(
        'rate', default_value='', description='control rate in Hz, 10 to 100; empty for that of drive_params_file'),
    DeclareLaunchArgument(
        'autostart', default_value='true', choices=TRUE_FALSE,
        description='whether drive node and trainer start by themselves: the car moves as soon as pictures arrive'),
    DeclareLaunchArgument(
        'namespace', default_value='', description='namespace of the nodes and of their topics but /clock'),
    DeclareLaunchArgument(
        'use_sim_time', default_value='auto', choices=['auto', *TRUE_FALSE],
        description='whether the nodes take their time from /clock; auto = in a simulator only'),
    DeclareLaunchArgument(
        'params_file', default_value=str(CONFIG / 'trainer.yaml'), description='parameters of the trainer'),
    DeclareLaunchArgument(
        'drive_params_file', default_value=str(CONFIG / 'drive.yaml'), description='parameters of the drive node'),
    DeclareLaunchArgument(
        'sim_params_file', default_value=str(CONFIG / 'simulator.yaml'),
        description='parameters of the embedded simulator'),
    DeclareLaunchArgument(
        'headless', default_value='false', choices=TRUE_FALSE, description='for Gazebo: true = without a window'),
    DeclareLaunchArgument('rviz', default_value='false', choices=TRUE_FALSE, description='show the car in RViz'),
    DeclareLaunchArgument(
        'record', default_value='', description='folder, new, for a rosbag2 MCAP bag of it all; empty for none'),
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
    common = {'autostart': given['autostart'] == 'true', 'use_sim_time': simulated}
    common |= {'policy': given['policy']} if given['policy'] else {}
    drive = common | ({'control_rate_hz': float(given['rate'])} if given['rate'] else {})
    trainer = common | {name: given[name] for name in ('folder', 'teacher') if given[name]}
    trainer |= {'tracks': given['tracks'].split(',')} if given['tracks'] else {}
    nodes = [_node('drive', given, 'drive_params_file', drive), _node('trainer', given, 'params_file', trainer)]
    if given['sim'] == 'embedded':
        track = {'track': given['track']} if given['track'] else {}
        nodes.insert(0, _node('simulator', given, 'sim_params_file', track))
    if given['sim'] == 'gazebo':
        nodes = [*_gazebo(given, trainer), *nodes]
    if given['rviz'] == 'true' or given['record']:
        watched = {name: given[name] for name in ('rviz', 'record', 'namespace')}
        nodes.append(_include('watch.launch.py', watched | {'use_sim_time': str(simulated).lower()}))
    return nodes


def _gazebo(given: dict[str, str], trainer: dict) -> list[LaunchDescriptionEntity]:
    """Return Gazebo with all roads in one world, and the node that brings the car from one to the other."""
    node = '/'.join(['', *filter(None, given['namespace'].split('/')), 'trainer'])
    tracks = _tracks(read_params(given['params_file'], node), trainer)
    world = {'track': ','.join(tracks), 'odom_topic': 'gazebo/odom'}
    return [
        _include('gazebo.launch.py', world | {name: given[name] for name in ('headless', 'namespace')}),
        Node(package=PACKAGE, executable='gazebo_tracks', name='simulator', namespace=given['namespace'],
             parameters=[{'tracks': tracks}], remappings=[('world_odom', 'gazebo/odom')],
             output='screen', emulate_tty=True, on_exit=Shutdown())]


def _tracks(in_file: dict, trainer: dict) -> list[str]:
    """Return the tracks that the trainer will visit: as its arguments, its parameter file or its defaults have them."""
    defaults = {setting.name: setting.default for setting in trainer_settings()}
    tracks, trials = ({**defaults, **in_file, **trainer}[name] for name in ('tracks', 'trial_tracks'))
    return list(dict.fromkeys([*tracks, *trials]))


def _include(file: str, arguments: dict[str, str]) -> IncludeLaunchDescription:
    return IncludeLaunchDescription(str(SHARE / 'launch' / file), launch_arguments=arguments.items())


def _node(name: str, given: dict[str, str], params_file: str, parameters: dict) -> Node:
    """Return a node whose end is the end of the launch."""
    return Node(
        package=PACKAGE, executable=name, namespace=given['namespace'], parameters=[given[params_file], parameters],
        ros_arguments=enclave(name), output='screen', emulate_tty=True, on_exit=Shutdown())
