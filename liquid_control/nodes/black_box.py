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
"""The black box of the drive node."""
import os
import platform
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Imu
from std_srvs.srv import Trigger

from liquid_control import __version__
from liquid_control.driving.black_box import BlackBox, Entry, Occasions, Step, Topics
from liquid_control.driving.pilot import Answer, Tick
from liquid_control.nodes.camera_input import COMPRESSED_TOPIC
from liquid_control.policy.policy_file import PolicyBytes
from liquid_control.recording.black_box_writer import BlackBoxWriter

PATIENCE_S = 5.0
MIB = 2**20
STAMPS_END_NS = 2**31 * 10**9


class NodeBlackBox:
    """Hears what the node hears and does, and saves the last minute when the car is stopped, or when asked to.

    :param folder: of the boxes; empty for ``liquid_control/black_box`` in ROS_HOME, or in ~/.ros.
    :param limit_mib: of pictures kept.
    :param warm_up_size: height and width that the policy was warmed up with, which belongs to its bits.
    :param between_ticks: set while no tick is under way.
    """

    def __init__(self, node: LifecycleNode, folder: str, limit_mib: int, wheelbase_m: float,
                 warm_up_size: tuple[int, int], topics: Topics, between_ticks: threading.Event) -> None:
        self._node = node
        self._box, self._occasions = BlackBox(limit_mib * MIB), Occasions()
        self._size, self._ticks = warm_up_size, 0
        self._policy = ''
        self._trouble = self._last = ''
        self._writer = BlackBoxWriter(self._box, _folder(folder), topics, wheelbase_m, self._about, between_ticks)
        self._service = node.create_service(Trigger, '~/save_black_box', self._save)

    def drives(self, file: PolicyBytes) -> None:
        """Take note of the policy file that drives from now on."""
        self._policy = file.sha256
        self._writer.drives(file)

    def hear_imu(self, message: Imu) -> None:
        """Keep an IMU message."""
        self._box.hear_imu(time.monotonic(), _stamp_ns(message) or self._now_ns(), message)

    def see(self, tick: Tick, stopped: bool) -> None:
        """Keep a tick, after its command has left; one that stopped the car is an occasion to save."""
        now_ns, now = self._now_ns(), time.monotonic()
        self._ticks += 1
        answers_ns = 0 if tick.picture is None else _stamp_ns(tick.picture.message)
        step = None if tick.answer is None else self._step(tick.answer, now_ns)
        self._box.add(Entry(self._ticks, now_ns, now, tick.command, tick.state.value, tick.reason, answers_ns, step))
        if stopped:
            self._occasions.stopped(f'{tick.state.value}: {tick.reason}', now)

    def look_around(self) -> None:
        """Save when it is time to, and log what became of it."""
        reason = self._occasions.take(time.monotonic())
        if reason:
            self._writer.save(reason)
        while self._writer.news:
            good, line = self._writer.news.popleft()
            if good:
                self._trouble, self._last = '', line
                self._node.get_logger().info(line)
            else:
                self._trouble = line
                self._node.get_logger().error(line)

    def values(self) -> dict[str, Any]:
        """Return what diagnostics say of it."""
        return {'black_box_s': self._box.seconds,
                'black_box_mib': self._box.picture_bytes / MIB, 'black_boxes_written': self._writer.written,
                'black_box_last': self._trouble or self._last}

    def close(self) -> None:
        """Save what is pending and leave."""
        self._node.destroy_service(self._service)
        reason = self._occasions.take(time.monotonic(), ending=True)
        if reason:
            self._writer.save(reason)
        self._writer.close(PATIENCE_S)
        self.look_around()

    def _step(self, answer: Answer, now_ns: int) -> Step:
        stamp_ns = _stamp_ns(answer.picture.message) or now_ns
        return Step(answer, stamp_ns, answer.pixels, '', 0, self._policy)

    def _save(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, str(self._writer.save('asked for'))
        return response

    def _about(self) -> dict[str, str]:
        return {
            'node': self._node.get_fully_qualified_name(), 'version': __version__, 'torch': torch.__version__,
            'threads': str(torch.get_num_threads()), 'cpu': torch.backends.cpu.get_cpu_capability(),
            'machine': platform.machine(), 'numpy': np.__version__, 'opencv': cv2.__version__,
            'warm_up': f'{self._size[0]} x {self._size[1]}'}

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds


def topics_of(node: LifecycleNode, imu: str, command: str) -> Topics:
    """Return the topics of a box by their names in the running system."""
    return Topics(*(node.resolve_topic_name(name) for name in (COMPRESSED_TOPIC, imu, command, '~/neurons',
                                                               '~/black_box')))


def _folder(folder: str) -> Path:
    if folder:
        return Path(folder).expanduser()
    return Path(os.environ.get('ROS_HOME') or Path.home() / '.ros') / 'liquid_control' / 'black_box'


def _stamp_ns(message: Any) -> int:
    """Return a stamp in ns; 0, as if there were none, for one that a bag cannot hold."""
    stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
    return stamp_ns if 0 <= stamp_ns < STAMPS_END_NS else 0
