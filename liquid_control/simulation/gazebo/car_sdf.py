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

"""The car in Gazebo, as SDF: the dimensions, masses, limits and sensors of config/car.yaml, names as in urdf/."""
import math

from liquid_control.driving.command_guard import BRAKES_OFF_RADPS
from liquid_control.simulation.car import Camera, Car, Imu
from liquid_control.simulation.gazebo.look import material
from liquid_control.simulation.gazebo.names import (
    BRAKE_TOPIC, COMMAND_TOPIC, CONTACT_TOPIC, JOINT_STATE_TOPIC, TF_TOPIC, WHEEL_ODOMETRY_TOPIC, car_name, plugin,
    topic)
from liquid_control.simulation.mujoco_model import WHEELS

SIDES = ('left', 'right')
OWN_BODY, EVERYTHING_ELSE = 0x01, 0x0FFFFFFE
"""Visibility: no camera of a car sees a car, as in the embedded simulator."""
STEERING_EFFORT_NM = 5.0
BODY_RGB, TYRE_RGB = (0.10, 0.35, 0.60), (0.08, 0.08, 0.08)
SPIN_DAMPING_NMS = 0.0002
BRAKE_GAIN_NMS = 0.1
NEAR_M, FAR_M = 0.02, 400.0
OGRE_NOISE_GAIN, OGRE_NOISE_POWER = 3.0, 1.9


def car_sdf(car: Car, namespace: str = '') -> str:
    """Return a car as an SDF document, to be spawned."""
    return f'<?xml version="1.0"?>\n<sdf version="1.9">\n  {car_model(car, namespace)}\n</sdf>\n'


def car_model(car: Car, namespace: str = '', pose: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> str:
    """Return the model of a car whose topics carry a namespace; its frame is base_link, on the ground.

    Tyres touch the ground as spheres, with one smooth contact each, as in MuJoCo. The rear wheels' torque is limited to
    what the car's acceleration limit needs; a command that the plugin gets is held for ever, so that only a command
    guard may send any.

    :param pose: x m, y m, yaw rad in the world.
    """
    half = 0.5 * car.track_width_m
    wheels = ''.join(
        _wheel(car, name, car.wheelbase_m if name.startswith('front') else 0.0, half if 'left' in name else -half)
        for name in WHEELS)
    return f"""<model name="{car_name(namespace)}" canonical_link="base_link">
    <pose>{pose[0]} {pose[1]} 0 0 0 {pose[2]}</pose>
    <link name="base_link">
      <inertial>
        <pose>{0.5 * car.wheelbase_m} 0 {car.chassis_centre_z_m} 0 0 0</pose>
        <mass>{car.chassis_mass_kg}</mass>
        {_box_inertia(car.chassis_mass_kg, car.chassis_length_m, car.chassis_width_m, car.chassis_height_m)}
      </inertial>
      {_chassis(car)}
      {_camera_sensor(car.camera, namespace)}
      {_imu_sensor(car.imu, namespace)}
      <sensor name="contact" type="contact">
        <contact>
          <collision>chassis_collision</collision>
          <topic>{topic(namespace, CONTACT_TOPIC)}</topic>
        </contact>
      </sensor>
    </link>
    {_frame('camera_link', car.camera.x_m, car.camera.z_m, f'0 {car.camera.pitch_rad} 0')}
    <frame name="camera_optical_frame" attached_to="camera_link">
      <pose relative_to="camera_link">0 0 0 {-0.5 * math.pi} 0 {-0.5 * math.pi}</pose>
    </frame>
    {_frame('imu_link', car.imu.x_m, car.imu.z_m, '0 0 0')}
    {wheels}
    {_steering_system(car, namespace)}
    {''.join(_brake_system(car, namespace, side) for side in SIDES)}
    {_odometry_system(car, namespace)}
    {plugin('JointStatePublisher', f'''
      <topic>{topic(namespace, JOINT_STATE_TOPIC)}</topic>
      <update_rate>{car.camera.rate_hz}</update_rate>
    ''')}
  </model>"""


def inner_steering_limit(car: Car) -> float:
    """Return how far the wheel at the inside of the tightest bend turns, in rad."""
    tangent = math.tan(car.max_steering_rad)
    return math.atan2(car.wheelbase_m * tangent, car.wheelbase_m - 0.5 * car.track_width_m * tangent)


def plugin_steering_limit(car: Car) -> float:
    """Return the steering_limit with which AckermannSteering turns as tightly as the car can, in rad.

    The plugin's tightest radius is wheel_base / sin(steering_limit), the car's wheel_base / tan(max_steering_rad).
    """
    return math.asin(min(math.tan(car.max_steering_rad), 1.0))


def _chassis(car: Car) -> str:
    size = f'{car.chassis_length_m} {car.chassis_width_m} {car.chassis_height_m}'
    geometry = f'<geometry><box><size>{size}</size></box></geometry>'
    pose = f'<pose>{0.5 * car.wheelbase_m} 0 {car.chassis_centre_z_m} 0 0 0</pose>'
    return f"""<collision name="chassis_collision">{pose}{geometry}</collision>
      {_visual('chassis', pose, geometry, BODY_RGB)}"""


def _visual(name: str, pose: str, geometry: str, rgb: tuple[float, float, float]) -> str:
    return (f'<visual name="{name}">{pose}{geometry}{material(rgb)}<cast_shadows>false</cast_shadows>'
            f'<visibility_flags>{OWN_BODY}</visibility_flags></visual>')


def _camera_sensor(camera: Camera, namespace: str) -> str:
    return f"""<sensor name="camera" type="camera">
        <pose>{camera.x_m} 0 {camera.z_m} 0 {camera.pitch_rad} 0</pose>
        <topic>{topic(namespace, 'camera/image_raw')}</topic>
        <update_rate>{camera.rate_hz}</update_rate>
        <camera>
          <camera_info_topic>{topic(namespace, 'camera/camera_info')}</camera_info_topic>
          <optical_frame_id>camera_optical_frame</optical_frame_id>
          <horizontal_fov>{camera.horizontal_fov_rad}</horizontal_fov>
          <image><width>{camera.width_px}</width><height>{camera.height_px}</height><format>R8G8B8</format></image>
          <clip><near>{NEAR_M}</near><far>{FAR_M}</far></clip>
          {_camera_noise(camera)}
          <visibility_mask>{EVERYTHING_ELSE}</visibility_mask>
        </camera>
      </sensor>"""


def _camera_noise(camera: Camera) -> str:
    """Return noise of the camera's size, where Gazebo takes a number that is not the standard deviation.

    ogre2 draws noise of ``GAIN * stddev ** POWER`` of the full scale.
    """
    stddev = (camera.noise_levels / 255.0 / OGRE_NOISE_GAIN) ** (1.0 / OGRE_NOISE_POWER)
    return f'<noise><type>gaussian</type><mean>0</mean><stddev>{stddev:.5f}</stddev></noise>'


def _imu_sensor(imu: Imu, namespace: str) -> str:
    gyro = _noise(imu.gyro_noise_radps, imu.gyro_bias_radps)
    accelerometer = _noise(imu.accel_noise_mps2, imu.accel_bias_mps2)
    return f"""<sensor name="imu" type="imu">
        <pose>{imu.x_m} 0 {imu.z_m} 0 0 0</pose>
        <topic>{topic(namespace, 'imu/data_raw')}</topic>
        <gz_frame_id>imu_link</gz_frame_id>
        <update_rate>{imu.rate_hz}</update_rate>
        <imu>
          <angular_velocity>{''.join(f'<{axis}>{gyro}</{axis}>' for axis in 'xyz')}</angular_velocity>
          <linear_acceleration>{''.join(f'<{axis}>{accelerometer}</{axis}>' for axis in 'xyz')}</linear_acceleration>
        </imu>
      </sensor>"""


def _noise(stddev: float, bias: float) -> str:
    return (f'<noise type="gaussian"><mean>0</mean><stddev>{stddev}</stddev>'
            f'<bias_mean>0</bias_mean><bias_stddev>{bias}</bias_stddev></noise>')


def _frame(name: str, x: float, z: float, rpy: str) -> str:
    return f'<frame name="{name}" attached_to="base_link"><pose relative_to="base_link">{x} 0 {z} {rpy}</pose></frame>'


def _wheel(car: Car, name: str, x: float, y: float) -> str:
    pose = f'<pose>{x} {y} {car.wheel_radius_m} 0 0 0</pose>'
    cylinder = (f'<geometry><cylinder><radius>{car.wheel_radius_m}</radius><length>{car.wheel_width_m}</length>'
                '</cylinder></geometry>')
    across = car.wheel_mass_kg / 12.0 * (3.0 * car.wheel_radius_m ** 2 + car.wheel_width_m ** 2)
    along = 0.5 * car.wheel_mass_kg * car.wheel_radius_m ** 2
    parent = 'base_link' if name.startswith('rear') else f'{name}_knuckle'
    steering = '' if name.startswith('rear') else _knuckle(car, name, pose)
    return f"""{steering}
    <link name="{name}_wheel">
      {pose}
      <inertial>
        <mass>{car.wheel_mass_kg}</mass>
        {_inertia(across, along, across)}
      </inertial>
      <collision name="tyre_collision">
        <geometry><sphere><radius>{car.wheel_radius_m}</radius></sphere></geometry>
        <surface><friction><ode><mu>{car.tyre_friction}</mu><mu2>{car.tyre_friction}</mu2></ode></friction></surface>
      </collision>
      {_visual('tyre', f'<pose>0 0 0 {0.5 * math.pi} 0 0</pose>', cylinder, TYRE_RGB)}
    </link>
    <joint name="{name}_wheel_joint" type="revolute">
      <parent>{parent}</parent>
      <child>{name}_wheel</child>
      <axis>
        <xyz>0 1 0</xyz>
        <limit><lower>-1e16</lower><upper>1e16</upper>{_spin_effort(car, name)}</limit>
        <dynamics><damping>{SPIN_DAMPING_NMS}</damping></dynamics>
      </axis>
    </joint>"""


def _knuckle(car: Car, name: str, pose: str) -> str:
    limit = inner_steering_limit(car)
    return f"""
    <link name="{name}_knuckle">
      {pose}
      <inertial><mass>0.001</mass>{_inertia(1e-6, 1e-6, 1e-6)}</inertial>
    </link>
    <joint name="{name}_steering_joint" type="revolute">
      <parent>base_link</parent>
      <child>{name}_knuckle</child>
      <axis>
        <xyz>0 0 1</xyz>
        <limit>
          <lower>{-limit}</lower><upper>{limit}</upper>
          <effort>{STEERING_EFFORT_NM}</effort><velocity>{2.0 * car.max_steering_rate_radps}</velocity>
        </limit>
      </axis>
    </joint>"""


def _spin_effort(car: Car, name: str) -> str:
    if name.startswith('front'):
        return ''
    return f'<effort>{0.5 * car.mass_kg * car.max_acceleration_mps2 * car.wheel_radius_m}</effort>'


def _steering_system(car: Car, namespace: str) -> str:
    # One limit for m/s and rad/s: it must let through both the highest speed and the yaw rate at that speed.
    limit = car.max_speed_mps * max(1.0, math.tan(car.max_steering_rad) / car.wheelbase_m)
    driven = ''.join(f'<{side}_joint>rear_{side}_wheel_joint</{side}_joint>' for side in SIDES)
    steered = ''.join(f'<{side}_steering_joint>front_{side}_steering_joint</{side}_steering_joint>' for side in SIDES)
    return plugin('AckermannSteering', f"""
      <topic>{topic(namespace, COMMAND_TOPIC)}</topic>
      {driven}
      {steered}
      <wheel_base>{car.wheelbase_m}</wheel_base>
      <wheel_separation>{car.track_width_m}</wheel_separation>
      <kingpin_width>{car.track_width_m}</kingpin_width>
      <wheel_radius>{car.wheel_radius_m}</wheel_radius>
      <steering_limit>{plugin_steering_limit(car)}</steering_limit>
      <steer_p_gain>{1.0 / car.steering_time_constant_s}</steer_p_gain>
      <min_velocity>{-limit}</min_velocity>
      <max_velocity>{limit}</max_velocity>
      <odom_topic>{topic(namespace, WHEEL_ODOMETRY_TOPIC)}</odom_topic>
      <tf_topic>{topic(namespace, f'{WHEEL_ODOMETRY_TOPIC}/tf')}</tf_topic>
    """)


def _brake_system(car: Car, namespace: str, side: str) -> str:
    # AckermannSteering brakes with the driven wheels alone, which then carry a third of the car. This one only brakes.
    torque = 0.5 * car.front_brake_share * car.mass_kg * car.max_braking_mps2 * car.wheel_radius_m
    return plugin('JointController', f"""
      <joint_name>front_{side}_wheel_joint</joint_name>
      <topic>{topic(namespace, BRAKE_TOPIC)}</topic>
      <initial_velocity>{BRAKES_OFF_RADPS}</initial_velocity>
      <use_force_commands>true</use_force_commands>
      <p_gain>{BRAKE_GAIN_NMS}</p_gain>
      <cmd_max>0</cmd_max>
      <cmd_min>{-torque}</cmd_min>
    """)


def _odometry_system(car: Car, namespace: str) -> str:
    return plugin('OdometryPublisher', f"""
      <odom_topic>{topic(namespace, 'odom')}</odom_topic>
      <tf_topic>{topic(namespace, TF_TOPIC)}</tf_topic>
      <odom_frame>odom</odom_frame>
      <robot_base_frame>base_link</robot_base_frame>
      <odom_publish_frequency>{car.camera.rate_hz}</odom_publish_frequency>
    """)


def _box_inertia(mass: float, length: float, width: float, height: float) -> str:
    x, y, z = length ** 2, width ** 2, height ** 2
    return _inertia(mass / 12.0 * (y + z), mass / 12.0 * (x + z), mass / 12.0 * (x + y))


def _inertia(x: float, y: float, z: float) -> str:
    return (f'<inertia><ixx>{x}</ixx><iyy>{y}</iyy><izz>{z}</izz>'
            '<ixy>0</ixy><ixz>0</ixz><iyz>0</iyz></inertia>')
