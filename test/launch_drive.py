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

"""A drive in the embedded simulator, started for real: ``launch_test test/launch_drive.py``; test_launch.py runs it."""
import time
import unittest
from pathlib import Path

import launch_testing.asserts
import rclpy
from geometry_msgs.msg import TwistStamped
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch_testing.actions import ReadyToTest
from nav_msgs.msg import Odometry

FILE = Path(__file__).resolve().parents[1] / 'launch' / 'drive.launch.py'
PATIENCE_S = 90.0
WAY_M = 5.0


def generate_test_description() -> LaunchDescription:
    """Return the launch file and the start of the tests."""
    drive = IncludeLaunchDescription(str(FILE), launch_arguments={'sim': 'embedded', 'namespace': 'tested'}.items())
    return LaunchDescription([drive, ReadyToTest()])


class TestDrive(unittest.TestCase):
    """While it runs."""

    def test_the_car_drives(self) -> None:
        rclpy.init()
        node = rclpy.create_node('watching')
        commands, speeds = [], []
        node.create_subscription(TwistStamped, '/tested/cmd_vel', commands.append, 10)
        node.create_subscription(
            Odometry, '/tested/odom', lambda message: speeds.append(message.twist.twist.linear.x), 10)
        limit = time.monotonic() + PATIENCE_S
        while sum(speeds) / 30.0 < WAY_M and time.monotonic() < limit:
            rclpy.spin_once(node, timeout_sec=0.1)
        node.destroy_node()
        rclpy.shutdown()
        self.assertGreaterEqual(sum(speeds) / 30.0, WAY_M)
        self.assertGreater(len(commands), 10)


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    """After Ctrl-C."""

    def test_every_process_ends_with_code_0(self, proc_info) -> None:
        self.assertEqual(len(list(proc_info)), 2)
        launch_testing.asserts.assertExitCodes(proc_info)
