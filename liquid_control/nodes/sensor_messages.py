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

"""The simulator's messages."""
import array
import math

import numpy as np
from builtin_interfaces.msg import Time
from nav_msgs.msg import Odometry
from sensor_msgs.msg import CameraInfo, Image, Imu

from liquid_control.simulation.car import Camera, Car

CAMERA_FRAME, IMU_FRAME, ODOM_FRAME, BASE_FRAME = 'camera_optical_frame', 'imu_link', 'odom', 'base_link'


def image_message(picture: np.ndarray, stamp: Time) -> Image:
    """Return a picture, uint8 (H, W, 3) RGB, as rgb8."""
    height, width, _ = picture.shape
    message = Image(height=height, width=width, encoding='rgb8', step=3 * width)
    message.header.stamp, message.header.frame_id = stamp, CAMERA_FRAME
    message.data = array.array('B', picture.tobytes())
    return message


def camera_info_message(camera: Camera) -> CameraInfo:
    """Return the pinhole of a camera without distortion; the stamp is to be set."""
    fx, cx, cy = camera.focal_px, 0.5 * (camera.width_px - 1), 0.5 * (camera.height_px - 1)
    message = CameraInfo(height=camera.height_px, width=camera.width_px, distortion_model='plumb_bob', d=[0.0] * 5)
    message.header.frame_id = CAMERA_FRAME
    message.k = [fx, 0.0, cx, 0.0, fx, cy, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [fx, 0.0, cx, 0.0, 0.0, fx, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def imu_message(car: Car, noise: float) -> Imu:
    """Return an IMU message with its covariances and no orientation; stamp and values are to be set.

    :param noise: factor on the car's IMU noise.
    """
    message = Imu()
    message.header.frame_id = IMU_FRAME
    message.orientation_covariance[0] = -1.0
    message.angular_velocity_covariance[::4] = [(noise * car.imu.gyro_noise_radps) ** 2] * 3
    message.linear_acceleration_covariance[::4] = [(noise * car.imu.accel_noise_mps2) ** 2] * 3
    return message


def fill_imu(message: Imu, sample: np.ndarray, stamp: Time) -> None:
    """Set the values of a sample (6,) and its stamp."""
    message.header.stamp = stamp
    gyro, accel = message.angular_velocity, message.linear_acceleration
    gyro.x, gyro.y, gyro.z, accel.x, accel.y, accel.z = sample.tolist()


def odometry_message() -> Odometry:
    """Return an odometry message with its frames; stamp and values are to be set."""
    message = Odometry(child_frame_id=BASE_FRAME)
    message.header.frame_id = ODOM_FRAME
    return message


def fill_odometry(message: Odometry, pose: tuple[float, float, float], twist: tuple[float, float], stamp: Time) -> None:
    """Set pose (x m, y m, yaw rad), twist (forward m/s, yaw rate rad/s) and stamp."""
    message.header.stamp = stamp
    position, orientation = message.pose.pose.position, message.pose.pose.orientation
    position.x, position.y, yaw = pose
    orientation.z, orientation.w = math.sin(0.5 * yaw), math.cos(0.5 * yaw)
    message.twist.twist.linear.x, message.twist.twist.angular.z = twist
