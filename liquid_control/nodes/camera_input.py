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

"""The camera's pictures, raw or compressed."""
import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image

IMAGE_TOPIC, COMPRESSED_TOPIC = 'camera/image_raw', 'camera/image_raw/compressed'
RAW_FIRST_S = 1.0


class CameraInput:
    """Hands on raw pictures, and compressed ones only while no raw ones come.

    :param hear: takes each message.
    """

    def __init__(self, node: Node, hear: Callable[[Image | CompressedImage], None], qos: QoSProfile) -> None:
        self._node, self._hear, self._qos = node, hear, qos
        self._raw_s = 0.0
        self._raw = node.create_subscription(Image, IMAGE_TOPIC, self._hear_raw, qos)
        self._compressed = None

    def look_around(self) -> None:
        """Subscribe to compressed pictures where there are no raw ones: a camera may compress for listeners."""
        if self._compressed is not None or time.monotonic() < self._raw_s + RAW_FIRST_S:
            return
        raw, compressed = (self._node.count_publishers(self._node.resolve_topic_name(topic))
                           for topic in (IMAGE_TOPIC, COMPRESSED_TOPIC))
        if compressed and not raw:
            self._compressed = self._node.create_subscription(
                CompressedImage, COMPRESSED_TOPIC, self._hear_compressed, self._qos)

    def close(self) -> None:
        """Leave the topics."""
        for subscription in filter(None, (self._raw, self._compressed)):
            self._node.destroy_subscription(subscription)

    def _hear_raw(self, message: Image) -> None:
        self._raw_s = time.monotonic()
        self._hear(message)

    def _hear_compressed(self, message: CompressedImage) -> None:
        if time.monotonic() > self._raw_s + RAW_FIRST_S:
            self._hear(message)
