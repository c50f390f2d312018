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

"""ROS 2 node that notes when pictures and commands were published, and touches nothing."""
import json
import signal
import struct
import sys
from pathlib import Path

import rclpy
from geometry_msgs.msg import TwistStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from liquid_control.nodes.camera_input import IMAGE_TOPIC

QOS = QoSProfile(depth=30, reliability=ReliabilityPolicy.BEST_EFFORT)
CDR_STAMP = '<iI'
"""The stamp of a message that begins with a header, after the 4 bytes of encapsulation."""


class Timekeeper(Node):
    """Notes (stamp in the header, time of publication) of pictures and commands, in ns; DDS takes the second.

    Pictures are not unpacked, so that being there costs as little as can be. The parameter ``out`` names the JSON file
    that is written at the end; the same with the ending .ready is made when the first command has come.
    """

    def __init__(self) -> None:
        super().__init__('timekeeper', parameter_overrides=[Parameter('use_sim_time', value=False)])
        self.out = Path(self.declare_parameter('out', 'timekeeper.json').value)
        self.pictures: list[tuple[int, int]] = []
        self.commands: list[tuple[int, int]] = []
        self.create_subscription(Image, IMAGE_TOPIC, self._see_picture, QOS, raw=True)
        self.create_subscription(TwistStamped, 'cmd_vel', self._see_command, QOS)

    def _see_picture(self, data: bytes, info: dict) -> None:
        self.pictures.append((_nanoseconds(*struct.unpack_from(CDR_STAMP, data, 4)), info['source_timestamp']))

    def _see_command(self, message: TwistStamped, info: dict) -> None:
        if not self.commands:
            self.out.with_suffix('.ready').touch()
        stamp = message.header.stamp
        self.commands.append((_nanoseconds(stamp.sec, stamp.nanosec), info['source_timestamp']))


def _nanoseconds(seconds: int, nanoseconds: int) -> int:
    return seconds * 1_000_000_000 + nanoseconds


def main() -> int:
    """Listen until interrupted, then write what was noted."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    stopping: list[int] = []
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, lambda received, _: stopping.append(received))
    # The faster EventsExecutor does not tell callbacks when a message was published.
    node, executor = Timekeeper(), SingleThreadedExecutor()
    executor.add_node(node)
    while not stopping:
        executor.spin_once(0.2)
    node.out.write_text(json.dumps({'pictures': node.pictures, 'commands': node.commands}))
    executor.shutdown(1.0)
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
