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

"""What watches a car: RViz and a recorder. Brought up by drive.launch.py and train.launch.py."""
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch_ros.actions import Node

from liquid_control.nodes.launching import leave_ctrl_c_to_launch
from liquid_control.simulation.gazebo.names import topic

PACKAGE = 'liquid_control'
SHARE = Path(get_package_share_directory(PACKAGE))
TRUE_FALSE = ['true', 'false']
RECORDED = ('camera/image_raw', 'camera/image_raw/compressed', 'imu/data_raw', 'odom', 'cmd_vel', 'cmd_vel_teleop',
            'drive', 'drive/neurons', '/diagnostics')
ARGUMENTS = (
    DeclareLaunchArgument('rviz', default_value='false', choices=TRUE_FALSE, description='show the car in RViz'),
    DeclareLaunchArgument(
        'record', default_value='', description='folder, new, for a rosbag2 MCAP bag of the drive; empty for none'),
    DeclareLaunchArgument(
        'topics', default_value='', description='topics to record besides the usual ones, with blanks between'),
    DeclareLaunchArgument(
        'namespace', default_value='', description='namespace of the car and its topics'),
    DeclareLaunchArgument(
        'use_sim_time', default_value='false', choices=TRUE_FALSE, description='whether time comes from /clock'),
)


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the processes that they ask for."""
    leave_ctrl_c_to_launch()
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=_processes)])


def _processes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = {argument.name: context.launch_configurations[argument.name] for argument in ARGUMENTS}
    processes = _rviz(given) if given['rviz'] == 'true' else []
    return [*processes, _recorder(given)] if given['record'] else processes


def _rviz(given: dict[str, str]) -> list[Node]:
    import xacro  # only where somebody looks: a car's computer need not have it
    description = xacro.process_file(str(SHARE / 'urdf' / 'car.urdf.xacro')).toxml()
    common = {'use_sim_time': given['use_sim_time'] == 'true'}
    return [
        Node(package='robot_state_publisher', executable='robot_state_publisher', namespace=given['namespace'],
             parameters=[{'robot_description': description} | common]),
        Node(package='rviz2', executable='rviz2', namespace=given['namespace'], parameters=[common],
             arguments=['-d', str(SHARE / 'config' / 'car.rviz')])]


def _recorder(given: dict[str, str]) -> ExecuteProcess:
    names = dict.fromkeys((*RECORDED, *given['topics'].split()))
    topics = [name if name.startswith('/') else topic(given['namespace'], name) for name in names]
    clock = ['--use-sim-time'] if given['use_sim_time'] == 'true' else []
    return ExecuteProcess(
        cmd=['ros2', 'bag', 'record', '--storage', 'mcap', '--output', given['record'], *clock, '--topics', *topics],
        name='recorder', output='screen')
