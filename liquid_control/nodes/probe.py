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

"""ROS 2 node that feeds a drive node with pictures and IMU samples and records the commands that come back.

With ``--swap FILE`` it tells the drive node each second to drive by that policy from now on. With ``--while-learning``
it feeds nothing and records the commands that are driven while a trainer learns.
"""
import argparse
import array
import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TwistStamped
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image, Imu
from std_msgs.msg import String

from liquid_control.nodes.real_time import HARDWARE_PRIORITY, take_priority
from liquid_control.simulation.car import default_car

PICTURES = 16
START_TIMEOUT_S = 40.0
SWAP_S = 1.0
LATEST = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Probe(Node):
    """Publishes ``camera/image_raw`` and ``imu/data_raw`` with system-time stamps, receives ``cmd_vel``.

    ``pictures`` holds the stamp of each picture in ns, ``commands`` for each command (stamp in its header, time of its
    publication, time of its receipt), all in ns of the system clock; DDS takes the last two.

    :param swap: policy file for the drive node to load each second while commands are recorded; empty for none.
    """

    def __init__(self, swap: str) -> None:
        super().__init__('probe')
        self.pictures: list[int] = []
        self.commands: list[tuple[int, int, int]] = []
        self.learning = False
        self.create_subscription(String, 'trainer/state', self._hear_trainer, LATEST)
        self._images = self.create_publisher(Image, 'camera/image_raw', qos_profile_sensor_data)
        self._imus = self.create_publisher(Imu, 'imu/data_raw', qos_profile_sensor_data)
        self.create_subscription(TwistStamped, 'cmd_vel', self._receive, QoSProfile(depth=100))
        self._swap = swap
        self._setting = self.create_client(SetParameters, 'drive/set_parameters')
        self._messages = _noise_pictures()
        self._published = 0
        self._imu = Imu()
        self._imu.header.frame_id = 'imu_link'
        self._imu.linear_acceleration.z = 9.81

    def publish_picture(self) -> None:
        """Publish a picture that differs from the last one, stamped now."""
        message = self._messages[self._published % PICTURES]
        self._published += 1
        now = time.time_ns()
        message.header.stamp = _stamp(now)
        self.pictures.append(now)
        self._images.publish(message)

    def publish_imu(self) -> None:
        """Publish the IMU of a car at rest, stamped now."""
        self._imu.angular_velocity.z = 1e-3 * (time.time_ns() % 7)
        self._imu.header.stamp = _stamp(time.time_ns())
        self._imus.publish(self._imu)

    def swap(self) -> None:
        """Tell the drive node to load the policy, if there is one to load."""
        if self._swap:
            policy = Parameter('policy', value=self._swap).to_parameter_msg()
            self._setting.call_async(SetParameters.Request(parameters=[policy]))

    def _hear_trainer(self, state: String) -> None:
        self.learning = state.data == 'learn'

    def _receive(self, command: TwistStamped, info: dict) -> None:
        stamp = command.header.stamp.sec * 1_000_000_000 + command.header.stamp.nanosec
        self.commands.append((stamp, info['source_timestamp'], info['received_timestamp']))


def feed(probe: Probe, seconds: float, warm_up_s: float, rate_hz: float, imu_rate_hz: float) -> bool:
    """Publish on two clocks until ``seconds`` are measured; tell whether commands came at all.

    What happens before the first command and in the ``warm_up_s`` after it is not recorded.
    """
    start = time.monotonic()
    next_picture = next_imu = start
    measuring_from, next_swap = None, 0.0
    while measuring_from is None or time.monotonic() < measuring_from + seconds:
        time.sleep(max(0.0, min(next_picture, next_imu) - time.monotonic()))
        now = time.monotonic()
        if now >= next_imu:
            next_imu += 1.0 / imu_rate_hz
            probe.publish_imu()
        if now >= next_picture:
            next_picture += 1.0 / rate_hz
            probe.publish_picture()
        if measuring_from is None:
            if not probe.commands and now > start + START_TIMEOUT_S:
                return False
            if probe.commands:
                measuring_from = next_swap = now + warm_up_s
        elif now < measuring_from:
            probe.pictures.clear()
            probe.commands.clear()
        elif now >= next_swap:
            next_swap += SWAP_S
            probe.swap()
    return True


def listen(probe: Probe, seconds: float, warm_up_s: float) -> bool:
    """Record what is driven for ``seconds`` of a trainer's learning; tell whether it learned all the while."""
    end = time.monotonic() + START_TIMEOUT_S
    while not probe.learning:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    time.sleep(warm_up_s)
    probe.commands.clear()
    time.sleep(seconds)
    return probe.learning and len(probe.commands) > 1


def main() -> int:
    """Feed or hear the node of the same namespace and write what was recorded as JSON; 1 when no command came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path)
    parser.add_argument('--seconds', type=float, default=5.0)
    parser.add_argument('--warm-up', type=float, default=1.0)
    parser.add_argument('--imu-rate', type=float, default=100.0)
    parser.add_argument('--swap', default='')
    parser.add_argument('--while-learning', action='store_true')
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    rclpy.init()
    probe = Probe(options.swap)
    executor = SingleThreadedExecutor()
    executor.add_node(probe)
    take_priority(HARDWARE_PRIORITY)
    receiver = threading.Thread(target=executor.spin)
    receiver.start()
    answered = listen(probe, options.seconds, options.warm_up) if options.while_learning else feed(
        probe, options.seconds, options.warm_up, default_car().camera.rate_hz, options.imu_rate)
    options.out.write_text(json.dumps({'pictures': probe.pictures, 'commands': probe.commands}))
    executor.shutdown()
    receiver.join()
    probe.destroy_node()
    rclpy.try_shutdown()
    return 0 if answered else 1


def _noise_pictures() -> list[Image]:
    """Return pictures of the size of the car's camera, all different, ready to publish."""
    camera = default_car().camera
    rng = np.random.default_rng(0)
    messages = []
    for _ in range(PICTURES):
        pixels = rng.integers(0, 256, (camera.height_px, camera.width_px, 3), dtype=np.uint8)
        message = Image(height=camera.height_px, width=camera.width_px, encoding='rgb8', step=3 * camera.width_px)
        message.header.frame_id = 'camera_optical_frame'
        message.data = array.array('B', pixels.tobytes())
        messages.append(message)
    return messages


def _stamp(nanoseconds: int) -> Time:
    return Time(sec=nanoseconds // 1_000_000_000, nanosec=nanoseconds % 1_000_000_000)


if __name__ == '__main__':
    sys.exit(main())
