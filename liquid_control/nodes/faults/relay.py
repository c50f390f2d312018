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

"""ROS 2 node between a simulator and a drive node: what passes can be kept back, changed and multiplied."""
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image, Imu

SOURCE = 'source'
"""Namespace of the simulator."""
NEWEST = QoSProfile(depth=1)
EVERY = QoSProfile(depth=100)
KEPT = 40_000

Change = Callable[[Any], Iterable[Any]]


def passes(message: Any) -> tuple[Any]:
    """Change nothing."""
    return (message,)


def nothing(_: Any) -> tuple:
    """Keep every message back."""
    return ()


class Listener(Node):
    """Hears what a drive node commands and says, and what the simulator's car does. Times are steady, in s.

    :param source: namespace of the simulator, empty for none.
    :ivar commands: (time, speed in m/s, yaw rate in rad/s) of the newest commands of the drive node.
    :ivar odometry: (time, x m, y m, speed m/s) of the car.
    :ivar status: (message, values) of the newest diagnostics by name of the node; ``said``: all their messages.
    """

    def __init__(self, name: str, source: str) -> None:
        super().__init__(name, parameter_overrides=[Parameter('use_sim_time', value=False)])
        self.commands: deque[tuple[float, float, float]] = deque(maxlen=KEPT)
        self.odometry: deque[tuple[float, float, float, float]] = deque(maxlen=KEPT)
        self.status: dict[str, tuple[str, dict[str, str]]] = {}
        self.said: deque[str] = deque(maxlen=KEPT)
        self.human = self.create_publisher(TwistStamped, 'cmd_vel_teleop', NEWEST)
        self.create_subscription(Odometry, f'{source}odom', self._see_odometry, EVERY)
        self.create_subscription(TwistStamped, 'cmd_vel', self._see_command, EVERY)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._see_diagnostics, 10)

    def clear(self) -> None:
        """Stop to interfere, which a listener never does."""

    def rolled_m(self, begin_s: float, end_s: float) -> float:
        """Return the way of the car between two times."""
        points = [(x, y) for now, x, y, _ in list(self.odometry) if begin_s <= now <= end_s]
        return sum(math.dist(one, other) for one, other in pairwise(points))

    def _see_odometry(self, message: Odometry) -> None:
        position = message.pose.pose.position
        self.odometry.append((time.monotonic(), position.x, position.y, message.twist.twist.linear.x))

    def _see_command(self, message: TwistStamped) -> None:
        self.commands.append((time.monotonic(), message.twist.linear.x, message.twist.angular.z))

    def _see_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.status[status.name] = status.message, {value.key: value.value for value in status.values}
            self.said.append(status.message)


class Relay(Listener):
    """Passes the simulator's topics on to the drive node and its commands to the simulator.

    ``picture``, ``imu``, ``clock`` and ``command`` take a message and return those to publish in its place;
    ``shift_ns`` is added to /clock and all stamps.
    """

    def __init__(self) -> None:
        super().__init__('relay', f'{SOURCE}/')
        self._heard_s: deque[float] = deque(maxlen=KEPT)
        self.shift_ns = 0
        self.clear()
        self.images = self.create_publisher(Image, 'camera/image_raw', qos_profile_sensor_data)
        self.imus = self.create_publisher(Imu, 'imu/data_raw', qos_profile_sensor_data)
        self._clocks = self.create_publisher(Clock, '/clock', NEWEST)
        self._odometry = self.create_publisher(Odometry, 'odom', 10)
        self._commands = self.create_publisher(TwistStamped, f'{SOURCE}/cmd_vel', NEWEST)
        self.create_subscription(Image, f'{SOURCE}/camera/image_raw', self._see_picture, qos_profile_sensor_data)
        self.create_subscription(Imu, f'{SOURCE}/imu/data_raw', self._see_imu, qos_profile_sensor_data)
        self.create_subscription(Clock, f'{SOURCE}/clock', self._see_clock, EVERY)

    def clear(self) -> None:
        """Pass everything on as it is, in the time that it is."""
        self.picture: Change = passes
        self.imu: Change = passes
        self.clock: Change = passes
        self.command: Change = passes

    def gap_s(self, begin_s: float, end_s: float) -> float:
        """Return the longest time without /clock from the simulator between two steady times."""
        heard = [begin_s, *(now for now in list(self._heard_s) if begin_s < now < end_s), end_s]
        return max(later - earlier for earlier, later in pairwise(heard))

    def compress(self) -> None:
        """Publish compressed pictures instead of raw ones from now on; ``picture`` must give such."""
        self._change_camera(
            self.create_publisher(CompressedImage, 'camera/image_raw/compressed', qos_profile_sensor_data))

    def decompress(self) -> None:
        """Publish raw pictures again."""
        self._change_camera(self.create_publisher(Image, 'camera/image_raw', qos_profile_sensor_data))

    def _change_camera(self, publisher: Publisher) -> None:
        old, self.images = self.images, publisher
        self.destroy_publisher(old)

    def _see_picture(self, message: Image) -> None:
        self._shift(message.header.stamp)
        for changed in self.picture(message):
            self.images.publish(changed)

    def _see_imu(self, message: Imu) -> None:
        self._shift(message.header.stamp)
        for changed in self.imu(message):
            self.imus.publish(changed)

    def _see_clock(self, message: Clock) -> None:
        self._heard_s.append(time.monotonic())
        self._shift(message.clock)
        for changed in self.clock(message):
            self._clocks.publish(changed)

    def _see_odometry(self, message: Odometry) -> None:
        super()._see_odometry(message)
        self._odometry.publish(message)

    def _see_command(self, message: TwistStamped) -> None:
        super()._see_command(message)
        for changed in self.command(message):
            self._commands.publish(changed)

    def _shift(self, stamp: Any) -> None:
        if self.shift_ns:
            stamp.sec, stamp.nanosec = divmod(stamp.sec * 10 ** 9 + stamp.nanosec + self.shift_ns, 10 ** 9)
