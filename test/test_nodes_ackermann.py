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

"""Commands as AckermannDriveStamped: the conversion, and the drive node over DDS where that is installed."""
import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip('rclpy')

import ros_rig  # noqa: E402
from builtin_interfaces.msg import Time  # noqa: E402

from liquid_control.driving.command import STAND, Command  # noqa: E402
from liquid_control.errors import InputError  # noqa: E402
from liquid_control.nodes.command_message import CommandMessage  # noqa: E402

INSTALLED = importlib.util.find_spec('ackermann_msgs') is not None
POLICY = ros_rig.ROOT / 'models' / 'ncp19.safetensors'


class StandIn:
    """Has the fields of AckermannDriveStamped that are used, and no others."""

    def __init__(self) -> None:
        self.header = SimpleNamespace(stamp=Time(), frame_id='')
        self.drive = SimpleNamespace(speed=0.0, steering_angle=0.0)


def test_a_command_is_an_angle_and_a_speed(monkeypatch):
    package, messages = ModuleType('ackermann_msgs'), ModuleType('ackermann_msgs.msg')
    messages.AckermannDriveStamped = StandIn
    monkeypatch.setitem(sys.modules, 'ackermann_msgs', package)
    monkeypatch.setitem(sys.modules, 'ackermann_msgs.msg', messages)
    message = CommandMessage('ackermann', 0.33)
    assert (message.topic, message.type) == ('drive', StandIn)
    filled = message.filled(Command(-0.2, 1.5), Time(sec=7))
    assert (filled.drive.steering_angle, filled.drive.speed) == (-0.2, 1.5)
    assert (filled.header.stamp.sec, filled.header.frame_id) == (7, 'base_link')
    assert vars(message.filled(STAND, Time()).drive) == {'steering_angle': 0.0, 'speed': 0.0}


@pytest.mark.skipif(INSTALLED, reason='ackermann_msgs is installed')
def test_without_the_messages_the_remedy_is_named():
    with pytest.raises(InputError, match='ackermann-msgs'):
        CommandMessage('ackermann', 0.33)


@pytest.mark.skipif(not INSTALLED, reason='ackermann_msgs is not installed; it comes with an apt ROS 2')
def test_the_drive_node_drives_such_a_chassis_and_leaves_it_standing():
    from ackermann_msgs.msg import AckermannDriveStamped
    domain, got = ros_rig.own_domain(), []
    drive = ros_rig.Process('liquid_control.nodes.drive', domain, {
        'command_type': 'ackermann', 'autostart': 'true', 'policy': POLICY, 'camera_timeout_s': 0.5,
        'imu_timeout_s': 0.5})
    rig = ros_rig.Rig(domain)
    try:
        rig.node.create_subscription(AckermannDriveStamped, 'drive', got.append, 1)
        rig.until(lambda: got and got[-1].drive.speed > 0.0, what='commands')
        stamp = got[-1].header.stamp
        assert stamp.sec * 10 ** 9 + stamp.nanosec in rig.stamps and abs(got[-1].drive.steering_angle) <= 0.42
        assert not rig.commands  # nothing on cmd_vel
        assert drive.end() == 0
        rig.until(lambda: got[-1].drive.speed == 0.0, what='the last command')
    finally:
        drive.end()
        rig.close()
