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

"""Command messages of the three kinds that cars take."""
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Twist, TwistStamped

from liquid_control.driving.command import Command, yaw_rate_radps
from liquid_control.errors import InputError

FRAME = 'base_link'


class CommandMessage:
    """One message that is filled again for each command.

    :param kind: 'twist_stamped', 'twist' or 'ackermann'.
    :raises InputError: if the messages of that kind are not installed.
    """

    def __init__(self, kind: str, wheelbase_m: float) -> None:
        self.wheelbase_m = wheelbase_m
        self.topic = 'drive' if kind == 'ackermann' else 'cmd_vel'
        self._message = _ackermann() if kind == 'ackermann' else Twist() if kind == 'twist' else TwistStamped()
        self._twist = {'twist': self._message, 'twist_stamped': getattr(self._message, 'twist', None)}.get(kind)
        self._header = getattr(self._message, 'header', None)
        if self._header is not None:
            self._header.frame_id = FRAME

    @property
    def type(self) -> type:
        """The message's class."""
        return type(self._message)

    def filled(self, command: Command, stamp: Time) -> Any:
        """Return the message of a command; the next call changes it.

        :param stamp: of the picture that the command answers, or now when it answers none.
        """
        if self._header is not None:
            self._header.stamp = stamp
        if self._twist is not None:
            self._twist.linear.x = command.speed_mps
            self._twist.angular.z = yaw_rate_radps(command, self.wheelbase_m)
        else:
            self._message.drive.speed = command.speed_mps
            self._message.drive.steering_angle = command.steering_rad
        return self._message


def _ackermann() -> Any:
    try:
        from ackermann_msgs.msg import AckermannDriveStamped
    except ImportError as error:
        raise InputError("command_type 'ackermann' needs the package ackermann_msgs, which is not installed; "
                         'install ros-$ROS_DISTRO-ackermann-msgs or use twist_stamped') from error
    return AckermannDriveStamped()
