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

"""ROS 2 node that plays a bag's camera and IMU to a drive node and records the commands that come back.

Run by ``liquid-control replay``. Stamps are those of the system clock at the time of playing, so a drive node on
``use_sim_time:=false`` takes the pictures as new. A line of JSON on stdout tells how far it is.
"""
import argparse
import json
import sys
import threading
import time
from pathlib import Path

import rclpy
from geometry_msgs.msg import TwistStamped
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CompressedImage, Image, Imu

from liquid_control.recording.bag import COMPRESSED, open_bag, with_header_stamp
from liquid_control.recording.playback import Due, timeline
from liquid_control.recording.recorded_drive import camera_topic, imu_topic

START_TIMEOUT_S = 60.0
SETTLE_S = 1.0
TELL_EVERY_S = 0.25
MAX_LAG_S = 0.02
NO_DRIVE_NODE = 3


class Player(Node):
    """Publishes recorded messages with new stamps, receives ``cmd_vel``.

    ``pictures`` holds (stamp as played, stamp as recorded) in ns, ``commands`` (stamp, time of receipt, speed,
    yaw rate).
    """

    def __init__(self, compressed: bool, has_imu: bool) -> None:
        super().__init__('replay')
        self.pictures: list[tuple[int, int]] = []
        self.commands: list[tuple[int, int, float, float]] = []
        kind, topic = (CompressedImage, 'camera/image_raw/compressed') if compressed else (Image, 'camera/image_raw')
        self._camera = self.create_publisher(kind, topic, qos_profile_sensor_data)
        self._imu = self.create_publisher(Imu, 'imu/data_raw', qos_profile_sensor_data)
        self._rest = None if has_imu else Imu()
        if self._rest is not None:
            self._rest.header.frame_id = 'imu_link'
            self._rest.orientation_covariance[0] = -1.0
            self._rest.linear_acceleration.z = 9.81
        self.create_subscription(TwistStamped, 'cmd_vel', self._receive, QoSProfile(depth=100))

    @property
    def connected(self) -> bool:
        """Whether a drive node takes the pictures and offers commands."""
        return self._camera.get_subscription_count() > 0 and self.count_publishers('cmd_vel') > 0

    def publish(self, due: Due, stamp_ns: int) -> None:
        """Publish a recorded message with a new stamp; without a recorded IMU, a resting one before each picture."""
        message = with_header_stamp(due.data, stamp_ns)
        if not due.camera:
            self._imu.publish(message)
            return
        if self._rest is not None:
            self._rest.header.stamp.sec, self._rest.header.stamp.nanosec = divmod(stamp_ns, 10**9)
            self._imu.publish(self._rest)
        self.pictures.append((stamp_ns, due.recorded_ns))
        self._camera.publish(message)

    def _receive(self, command: TwistStamped) -> None:
        stamp = command.header.stamp.sec * 10**9 + command.header.stamp.nanosec
        self.commands.append((stamp, time.time_ns(), command.twist.linear.x, command.twist.angular.z))


def wait_for_drive_node(player: Player) -> bool:
    """Wait until a drive node is there; tell whether one is."""
    start = time.monotonic()
    while not player.connected:
        if time.monotonic() > start + START_TIMEOUT_S:
            return False
        _tell(waiting=time.monotonic() - start)
        time.sleep(TELL_EVERY_S)
    time.sleep(SETTLE_S)
    return True


def play(player: Player, path: str, rate: float) -> None:
    """Publish every message when it is due; when this process is late, what follows is late by as much."""
    told = 0.0
    with open_bag(path) as bag:
        start, start_ns = time.monotonic(), time.time_ns()
        for due in timeline(bag, rate):
            left = start + due.due_s - time.monotonic()
            if left > 0.0:
                time.sleep(left)
            elif left < -MAX_LAG_S:
                start, start_ns = start - left, start_ns - round(1e9 * left)
            player.publish(due, start_ns + round(1e9 * due.due_s))
            if due.due_s >= told + TELL_EVERY_S:
                told = due.due_s
                last = player.commands[-1] if player.commands else (0, 0, 0.0, 0.0)
                _tell(seconds=told, pictures=len(player.pictures), commands=len(player.commands), speed=last[2],
                      yaw_rate=last[3])
    time.sleep(SETTLE_S)


def main() -> int:
    """Play a bag and write what was played and received as JSON; 3 when there is no drive node."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('bag')
    parser.add_argument('out', type=Path)
    parser.add_argument('--rate', type=float, default=1.0)
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    with open_bag(options.bag) as bag:
        compressed, has_imu = camera_topic(bag).kind == COMPRESSED, imu_topic(bag) is not None
    rclpy.init()
    player = Player(compressed, has_imu)
    executor = SingleThreadedExecutor()
    executor.add_node(player)
    receiver = threading.Thread(target=_spin, args=(executor,))
    receiver.start()
    found = False
    try:
        found = wait_for_drive_node(player)
        if found:
            play(player, options.bag, options.rate)
    except (KeyboardInterrupt, BrokenPipeError):
        pass  # Told to stop, or whoever reads the progress is gone.
    finally:
        options.out.write_text(json.dumps({'pictures': player.pictures, 'commands': player.commands}))
        executor.shutdown()
        receiver.join()
        player.destroy_node()
        rclpy.try_shutdown()
    return 0 if found else NO_DRIVE_NODE


def _spin(executor: SingleThreadedExecutor) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        pass


def _tell(**values: float) -> None:
    print(json.dumps(values), flush=True)


if __name__ == '__main__':
    sys.exit(main())
