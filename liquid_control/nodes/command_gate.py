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

"""The one place from which commands leave the drive node."""
import threading
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.duration import Duration

from liquid_control.driving.command import STAND, Command
from liquid_control.driving.supervisor import Supervisor
from liquid_control.nodes.command_message import CommandMessage


class CommandGate:
    """Publishes what the supervisor decided, and zero for anything that its limits do not allow.

    Safe to call from several threads.

    :ivar refused: commands that were not within the limits; anything but 0 is a fault of this program.
    """

    def __init__(self, publisher: Any, message: CommandMessage, supervisor: Supervisor) -> None:
        self._publisher, self.message, self._supervisor = publisher, message, supervisor
        self._lock = threading.Lock()
        self.refused = 0

    @property
    def topic(self) -> str:
        """The full name of the command topic."""
        return self._publisher.topic_name

    @property
    def heard(self) -> bool:
        """Whether anybody receives the commands."""
        return self._publisher.get_subscription_count() > 0

    def send(self, command: Command, stamp: Time) -> None:
        """Publish a command.

        :param stamp: of the picture that the command answers, or now when it answers none.
        """
        if not self._supervisor.limiter.allows(command):
            self.refused += 1
            command = STAND
        with self._lock:
            self._publisher.publish(self.message.filled(command, stamp))

    def stand(self, stamp: Time) -> None:
        """Publish the zero command."""
        self.send(STAND, stamp)

    def flush(self, seconds: float) -> None:
        """Wait until what was sent has arrived, at most this long."""
        self._publisher.wait_for_all_acked(Duration(seconds=seconds))
