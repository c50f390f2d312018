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

"""ROS 2 node that answers each picture as it comes with a standing command: the least that a drive node can cost.

``liquid-control bench node`` measures the drive node against it.
"""
import rclpy
from geometry_msgs.msg import TwistStamped
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, Imu

from liquid_control.nodes.real_time import DRIVE_PRIORITY, take_priority

NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class EmptyNode(Node):
    """Takes the topics of the drive node, gives a zero command that carries the stamp of the picture it answers."""

    def __init__(self) -> None:
        super().__init__('empty')
        self._publisher = self.create_publisher(TwistStamped, 'cmd_vel', QoSProfile(depth=1))
        self.create_subscription(Image, 'camera/image_raw', self._answer, NEWEST)
        self.create_subscription(Imu, 'imu/data_raw', self._keep, NEWEST)
        self._imu: Imu | None = None

    def _answer(self, picture: Image) -> None:
        command = TwistStamped()
        command.header.stamp = picture.header.stamp
        self._publisher.publish(command)

    def _keep(self, imu: Imu) -> None:
        self._imu = imu


def main() -> int:
    """Run the node until it is told to stop."""
    rclpy.init()
    node = EmptyNode()
    take_priority(DRIVE_PRIORITY)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    main()
