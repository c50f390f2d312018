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

"""ROS 2 node that watches a drive in simulation and touches nothing."""
import cv2
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Float32MultiArray

from liquid_control.errors import InputError
from liquid_control.evaluation.watch import Watch
from liquid_control.nodes.neurons_message import rows_of
from liquid_control.sensing.picture import picture_of

JPEG_QUALITY = 92


class Spectator(Node):
    """Tells a ``Watch`` what the simulator and the drive node say. System times are those of publication, by DDS."""

    def __init__(self, watch: Watch) -> None:
        super().__init__('spectator', parameter_overrides=[Parameter('use_sim_time', value=False)])
        self._watch = watch
        self.create_subscription(Clock, '/clock', self._see_clock, qos_profile_sensor_data)
        self.create_subscription(Odometry, 'odom', self._see_odometry, qos_profile_sensor_data)
        self.create_subscription(Image, 'camera/image_raw', self._see_picture, qos_profile_sensor_data)
        self.create_subscription(TwistStamped, 'cmd_vel', self._see_command, QoSProfile(depth=50))
        self.create_subscription(Float32MultiArray, 'drive/neurons', self._see_neurons, qos_profile_sensor_data)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._see_diagnostics, 10)

    def _see_clock(self, message: Clock, info: dict) -> None:
        self._watch.see_clock(_seconds(message.clock), 1e-9 * info['source_timestamp'])

    def _see_odometry(self, message: Odometry) -> None:
        position = message.pose.pose.position
        self._watch.see_odometry(_seconds(message.header.stamp), position.x, position.y, message.twist.twist.linear.x)

    def _see_command(self, message: TwistStamped, info: dict) -> None:
        twist = message.twist
        self._watch.see_command(
            _seconds(message.header.stamp), 1e-9 * info['source_timestamp'], twist.linear.x, twist.angular.z)

    def _see_picture(self, message: Image) -> None:
        if not self._watch.started:
            return
        try:
            picture = picture_of(message)
        except InputError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=5.0)
            return
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
        self._watch.see_picture(_seconds(message.header.stamp), jpeg.tobytes())

    def _see_neurons(self, message: Float32MultiArray) -> None:
        self._watch.neurons = rows_of(message)[0].tolist()

    def _see_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if 'drive' in status.name:
                self._watch.diagnosis = '' if status.level == DiagnosticStatus.OK else status.message


def _seconds(time) -> float:
    return time.sec + 1e-9 * time.nanosec
