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

"""The car in Gazebo Sim through ros_gz: ``ros2 launch liquid_control gazebo.launch.py --show-args``."""
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch_ros.actions import Node

from liquid_control.nodes.launching import leave_ctrl_c_to_launch
from liquid_control.simulation.car import default_car
from liquid_control.simulation.gazebo.car_sdf import car_sdf
from liquid_control.simulation.gazebo.names import WORLD, car_name
from liquid_control.simulation.gazebo.world import PLACES, lay_out, write_world
from liquid_control.simulation.track_spec import load_track

PACKAGE = 'liquid_control'
SHARE = Path(get_package_share_directory(PACKAGE))
CONFIG = SHARE / 'config'
TRUE_FALSE = ['true', 'false']
OUTLASTING = f'{sys.executable} -m liquid_control.nodes.outlasting'
ARGUMENTS = (
    DeclareLaunchArgument(
        'track', default_value='',
        description='random:SEED or a centre-line CSV, several with commas between; empty for world'),
    DeclareLaunchArgument(
        'world', default_value=str(SHARE / 'worlds' / 'world.sdf'),
        description='SDF file that liquid-control world wrote; without effect where track is given'),
    DeclareLaunchArgument(
        'headless', default_value='false', choices=TRUE_FALSE,
        description='true = no window, cameras rendered through EGL (no display needed)'),
    DeclareLaunchArgument(
        'server', default_value='true', choices=TRUE_FALSE,
        description='false = bring one more car, with a namespace of its own, into a Gazebo that runs already'),
    DeclareLaunchArgument(
        'place', default_value='0', choices=[str(place) for place in range(PLACES)],
        description='where the car starts: 0 = at the start of the road, each further place a metre behind'),
    DeclareLaunchArgument(
        'namespace', default_value='',
        description='namespace of the car, its nodes and their topics but /clock and /tf'),
    DeclareLaunchArgument(
        'odom_topic', default_value='odom', description='where the ground truth in the frame of the world goes'),
    DeclareLaunchArgument(
        'guard_params_file', default_value=str(CONFIG / 'gazebo.yaml'), description='parameters of the command guards'),
    DeclareLaunchArgument(
        'bridge_file', default_value=str(CONFIG / 'ros_gz_bridge.yaml'),
        description="topics of the car's bridge, as ros_gz_bridge takes them"),
)


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the processes that they ask for."""
    leave_ctrl_c_to_launch()
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=_processes)])


def _processes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = {argument.name: context.launch_configurations[argument.name] for argument in ARGUMENTS}
    world = _written_world(context, given['track']) if given['track'] else Path(given['world'])
    server = [_server(world, given['headless'] == 'true'), _world_bridge()] if given['server'] == 'true' else []
    return [*server, _car(given, world), *_guarded_bridges(given)]


def _written_world(context: LaunchContext, track: str) -> Path:
    folder = tempfile.TemporaryDirectory(prefix='liquid_control_world_')
    context.extend_globals({'liquid_control_world': folder})  # removed with the launch
    return write_world(Path(folder.name), lay_out([load_track(spec) for spec in track.split(',')]))


def _server(world: Path, headless: bool) -> ExecuteProcess:
    quiet = ['-s', '--headless-rendering'] if headless else []
    return ExecuteProcess(
        cmd=['gz', 'sim', '-r', *quiet, str(world)], name='gazebo', output='screen', on_exit=Shutdown())


def _world_bridge() -> Node:
    """Return the bridge of what is the world's and not a car's: the clock, and the services to pause and to place."""
    return _bridge('gazebo_clock_bridge', '/', CONFIG / 'ros_gz_clock_bridge.yaml', [
        f'/world/{WORLD}/control@ros_gz_interfaces/srv/ControlWorld',
        f'/world/{WORLD}/set_pose@ros_gz_interfaces/srv/SetEntityPose'])


def _car(given: dict[str, str], world: Path) -> Node:
    x, y, yaw = _place(world, given['place'])
    return Node(
        package='ros_gz_sim', executable='create', name='create_car', namespace=given['namespace'], output='screen',
        arguments=['-world', WORLD, '-name', car_name(given['namespace']), '-x', x, '-y', y, '-Y', yaw,
                   '-string', car_sdf(default_car(), given['namespace'])])


def _place(world: Path, place: str) -> tuple[str, str, str]:
    """Return x, y and yaw of a starting place as the world's file has them."""
    pose = ElementTree.parse(world).find(f".//world/frame[@name='place_{place}']/pose")
    if pose is None:
        raise RuntimeError(f"world '{world}' has no frame place_{place}; write it with liquid-control world")
    x, y, _, _, _, yaw = pose.text.split()
    return x, y, yaw


def _guarded_bridges(given: dict[str, str]) -> list[Node]:
    """Return what a car and ROS hear of each other, and the two guards that stop the car, each by its own bridge."""
    namespace = given['namespace']
    return [
        _bridge('gazebo_bridge', namespace, Path(given['bridge_file']), [], [('odom', given['odom_topic'])]),
        _bridge('gazebo_stop_bridge', namespace, CONFIG / 'ros_gz_stop_bridge.yaml', [], prefix=OUTLASTING),
        _guard('command_guard', given, 'cmd_vel', 'gazebo/cmd_vel', 'gazebo/brake'),
        _guard('stop_guard', given, 'gazebo/cmd_vel', 'gazebo/stop', 'gazebo/stop_brake')]


def _bridge(name: str, namespace: str, file: Path, arguments: list[str],
            remappings: list[tuple[str, str]] | None = None, prefix: str | None = None) -> Node:
    return Node(
        package='ros_gz_bridge', executable='parameter_bridge', name=name, namespace=namespace, output='screen',
        parameters=[{'config_file': str(file), 'expand_gz_topic_names': True}], arguments=arguments,
        remappings=remappings, prefix=prefix, on_exit=Shutdown())


def _guard(name: str, given: dict[str, str], hears: str, tells: str, brakes: str) -> Node:
    return Node(
        package=PACKAGE, executable='command_guard', name=name, namespace=given['namespace'],
        parameters=[given['guard_params_file']],
        remappings=[('commands', hears), ('guarded', tells), ('brake', brakes)],
        output='screen', emulate_tty=True, on_exit=Shutdown())
