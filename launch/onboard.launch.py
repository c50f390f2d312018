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

"""Everything on a real car: ``ros2 launch liquid_control onboard.launch.py --show-args``; see docs/onboard.md."""
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, Shutdown
from launch_ros.actions import Node

from liquid_control.nodes.keys import enclave
from liquid_control.nodes.launching import leave_ctrl_c_to_launch

PACKAGE = 'liquid_control'
SHARE = Path(get_package_share_directory(PACKAGE))
CONFIG = SHARE / 'config'
TRUE_FALSE = ['true', 'false']
CONTROLLER = 'ackermann_steering_controller'
RESPAWN_S = 0.3
ARGUMENTS = (
    DeclareLaunchArgument(
        'chassis', default_value='none', choices=['none', 'f1tenth', 'pwm', 'ros2_control'],
        description='what moves the car: f1tenth = VESC, pwm = servo and motor on a PCA9685 as donkeycars have them, '
                    f'ros2_control = {CONTROLLER}, none = a driver that you start yourself'),
    DeclareLaunchArgument(
        'camera', default_value='v4l2', choices=['v4l2', 'libcamera', 'none'],
        description='camera driver: v4l2 = v4l2_camera (USB), libcamera = camera_ros (Raspberry Pi), none = a driver '
                    'that you start yourself'),
    DeclareLaunchArgument(
        'imu', default_value='bno055', choices=['bno055', 'none'],
        description='IMU driver: bno055, none = a driver that you start yourself'),
    DeclareLaunchArgument(
        'joystick', default_value='true', choices=TRUE_FALSE,
        description='whether a human can take over by joystick while a button is held'),
    DeclareLaunchArgument('policy', default_value='', description='policy file; empty for that of params_file'),
    DeclareLaunchArgument(
        'rate', default_value='', description='control rate in Hz, 10 to 100; empty for that of params_file'),
    DeclareLaunchArgument(
        'autostart', default_value='true', choices=TRUE_FALSE,
        description='whether the drive node configures and activates itself: '
                    'the car moves as soon as pictures and IMU arrive'),
    DeclareLaunchArgument(
        'namespace', default_value='', description='namespace of the car: of all nodes and their topics'),
    DeclareLaunchArgument(
        'record', default_value='', description='folder, new, for a rosbag2 MCAP bag of the drive; empty for none'),
    DeclareLaunchArgument('image_topic', default_value='camera/image_raw', description='sensor_msgs/Image to drive by'),
    DeclareLaunchArgument('imu_topic', default_value='imu/data_raw', description='sensor_msgs/Imu to drive by'),
    DeclareLaunchArgument(
        'command_topic', default_value='', description='where the commands go; empty for where the chassis takes them'),
    DeclareLaunchArgument(
        'params_file', default_value=str(CONFIG / 'onboard.yaml'),
        description='parameters of the drive node, the sensors and the joystick'),
    DeclareLaunchArgument(
        'chassis_params_file', default_value='',
        description='parameters of the chassis, and for the drive node on it; empty for config/chassis_CHASSIS.yaml'),
)


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the nodes that they ask for."""
    leave_ctrl_c_to_launch()
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=_nodes)])


def _nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = {argument.name: context.launch_configurations[argument.name] for argument in ARGUMENTS}
    if given['chassis'] != 'none' and not given['chassis_params_file']:
        given['chassis_params_file'] = str(CONFIG / f"chassis_{given['chassis']}.yaml")
    sensors = [*_camera(given), *_imu(given)]
    joystick = _joystick(given) if given['joystick'] == 'true' else []
    recorder = [_recorder(given)] if given['record'] else []
    return [*sensors, *joystick, *_chassis(given), _drive(given), *recorder]


def _drive(given: dict[str, str]) -> Node:
    parameters = {'autostart': given['autostart'] == 'true'}
    if given['policy']:
        parameters['policy'] = given['policy']
    if given['rate']:
        parameters['control_rate_hz'] = float(given['rate'])
    return Node(
        package=PACKAGE, executable='drive', namespace=given['namespace'], remappings=list(_topics(given).items()),
        parameters=[given['params_file'], *filter(None, [given['chassis_params_file']]), parameters],
        ros_arguments=enclave('drive'), output='screen', emulate_tty=True, on_exit=Shutdown())


def _topics(given: dict[str, str]) -> dict[str, str]:
    """Return the drive node's name of each topic and where it is."""
    chassis_topic = f'{CONTROLLER}/reference' if given['chassis'] == 'ros2_control' else 'cmd_vel'
    topics = {
        'camera/image_raw': given['image_topic'], 'camera/image_raw/compressed': f"{given['image_topic']}/compressed",
        'imu/data_raw': given['imu_topic'], 'cmd_vel': given['command_topic'] or chassis_topic}
    if given['command_topic']:
        topics['drive'] = given['command_topic']
    return topics


def _camera(given: dict[str, str]) -> list[Node]:
    if given['camera'] == 'v4l2':
        place = '/'.join(filter(None, (given['namespace'], 'camera')))
        return [_driver(given, 'sensors', 'v4l2_camera', 'v4l2_camera_node', 'v4l2_camera', namespace=place)]
    if given['camera'] == 'libcamera':
        return [_driver(given, 'sensors', 'camera_ros', 'camera_node', 'camera')]  # publishes ~/image_raw
    return []


def _imu(given: dict[str, str]) -> list[Node]:
    if given['imu'] == 'none':
        return []
    return [_driver(given, 'sensors', 'bno055', 'bno055', 'bno055', [('bno055/imu_raw', 'imu/data_raw')])]


def _joystick(given: dict[str, str]) -> list[Node]:
    return [
        _driver(given, 'teleop', 'joy', 'game_controller_node', 'joystick'),
        _driver(given, 'teleop', 'teleop_twist_joy', 'teleop_node', 'teleop', [('cmd_vel', 'cmd_vel_teleop')])]


def _chassis(given: dict[str, str]) -> list[Node]:
    file = given['chassis_params_file']
    if given['chassis'] == 'f1tenth':
        return [
            _driver(given, 'base', 'vesc_driver', 'vesc_driver_node', 'vesc_driver', file=file),
            _driver(given, 'base', 'vesc_ackermann', 'ackermann_to_vesc_node', 'ackermann_to_vesc',
                    [('ackermann_cmd', 'drive')], file=file)]
    if given['chassis'] == 'pwm':
        return [_driver(given, 'base', PACKAGE, 'pwm', 'pwm', file=file)]
    if given['chassis'] == 'ros2_control':
        return [Node(package='controller_manager', executable='spawner', namespace=given['namespace'],
                     arguments=[CONTROLLER, '--param-file', file], output='screen')]
    return []


def _driver(given: dict[str, str], keys: str, package: str, executable: str, name: str,
            remappings: list[tuple[str, str]] | None = None, file: str = '', namespace: str = '') -> Node:
    """Return a driver that is started again when it ends: the drive node stops the car meanwhile.

    :param keys: its enclave.
    """
    return Node(
        package=package, executable=executable, name=name, namespace=namespace or given['namespace'],
        parameters=[file or given['params_file']], remappings=remappings or [],
        ros_arguments=enclave(keys), output='screen', respawn=True, respawn_delay=RESPAWN_S)


def _recorder(given: dict[str, str]) -> IncludeLaunchDescription:
    return IncludeLaunchDescription(str(SHARE / 'launch' / 'watch.launch.py'), launch_arguments={
        'record': given['record'], 'namespace': given['namespace'],
        'topics': ' '.join(_topics(given).values())}.items())
