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

"""The MuJoCo model of a car on a track, as MJCF."""
import math

import numpy as np

from liquid_control.simulation.car import GRAVITY_MPS2, Car
from liquid_control.simulation.drivetrain import ROTOR_INERTIA_KGM2
from liquid_control.simulation.road_mesh import LAYERS, Piece, display_rgb, layer_rgb
from liquid_control.simulation.track import Track

STEP_S = 1.0 / 600.0
WHEELS = ('rear_left', 'rear_right', 'front_left', 'front_right')
LAYER_HEIGHT_M = 0.0005
GROUND_MARGIN_M = 300.0
SKY_DISTANCE_M = 200.0
STEERING_STIFFNESS_NM = 40.0
STEERING_DAMPING_NMS = 0.4
STEERING_ARMATURE_KGM2 = 0.001
SHOWN_GROUP, HIDDEN_GROUP = 0, 5


def car_world_mjcf(car: Car, track: Track, pieces: list[Piece], friction: float) -> str:
    """Return the MJCF of a car on a track.

    The tyres are spheres, each with one contact on a plane: a smooth contact, always below the wheel's
    middle. What the camera shows are flat meshes without contact; the car does not see itself, as in the
    fast simulator. Surfaces are lit by ambient light alone, so that they look the same from everywhere.

    :param pieces: what :func:`liquid_control.simulation.road_mesh.road_pieces` returns for the track.
    :param friction: factor on the tyres' friction.
    """
    low, high = track.centre.min(axis=0), track.centre.max(axis=0)
    middle, size = 0.5 * (low + high), 0.5 * (high - low).max() + GROUND_MARGIN_M
    camera = car.camera
    return f"""
<mujoco model="liquid_control">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{STEP_S!r}" gravity="0 0 {-GRAVITY_MPS2}" cone="elliptic" impratio="5" solver="Newton"
      iterations="20" tolerance="1e-8" integrator="implicitfast"/>
  <statistic extent="1" center="0 0 0"/>
  <visual>
    <global offwidth="{camera.width_px}" offheight="{camera.height_px}"/>
    <quality offsamples="0" shadowsize="0"/>
    <headlight active="1" ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/>
    <map znear="0.02" zfar="{2.0 * SKY_DISTANCE_M}"/>
  </visual>
  <asset>
    {_material('ground', display_rgb(track.appearance.ground_rgb, track.appearance))}
    {_material('sky', display_rgb(track.appearance.sky_rgb, track.appearance))}
    {_lines(_material(layer, layer_rgb(layer, track.appearance)) for layer in LAYERS)}
    {_lines(_mesh(piece) for piece in pieces)}
  </asset>
  <default>
    <geom contype="0" conaffinity="0" group="{SHOWN_GROUP}" mass="0"/>
    <default class="tyre">
      <geom type="sphere" size="{car.wheel_radius_m}" contype="1" conaffinity="2" condim="3" priority="1"
          friction="{car.tyre_friction * friction!r} 0.005 0.0001" solref="0.01 1"
          solimp="0.5 0.5 0.001" group="{HIDDEN_GROUP}"/>
    </default>
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="1 1 1" contype="2" conaffinity="1" group="{HIDDEN_GROUP}"/>
    <geom name="ground" type="box" material="ground" size="{size:.3f} {size:.3f} 0.1"
        pos="{middle[0]:.3f} {middle[1]:.3f} -0.1"/>
    {_lines(_road_geom(piece) for piece in pieces)}
    {_car_body(car)}
  </worldbody>
  <actuator>
    {_lines(f'<motor name="drive_{side}" joint="spin_rear_{side}"/>' for side in ('left', 'right'))}
    {_lines(f'<motor name="brake_{side}" joint="spin_front_{side}"/>' for side in ('left', 'right'))}
    {_lines(_steering_servo(side) for side in ('left', 'right'))}
  </actuator>
  <sensor>
    <gyro name="gyro" site="imu"/>
    <accelerometer name="accelerometer" site="imu"/>
  </sensor>
</mujoco>"""


def _car_body(car: Car) -> str:
    camera, imu = car.camera, car.imu
    middle, half = 0.5 * car.wheelbase_m, 0.5 * car.track_width_m
    inertia = _box_inertia(car.chassis_mass_kg, car.chassis_length_m, car.chassis_width_m, car.chassis_height_m)
    # The camera looks along its -z axis: x to the right, y up in the picture.
    sine, cosine = math.sin(camera.pitch_rad), math.cos(camera.pitch_rad)
    axes = f'0 -1 0 {sine!r} 0 {cosine!r}'
    reach = 1.2 * SKY_DISTANCE_M * math.tan(0.5 * camera.horizontal_fov_rad)
    return f"""
    <body name="base_link">
      <freejoint name="base"/>
      <inertial pos="{middle} 0 {car.chassis_centre_z_m}" mass="{car.chassis_mass_kg}" diaginertia="{inertia}"/>
      <site name="base_link"/>
      <site name="imu" pos="{imu.x_m} 0 {imu.z_m}"/>
      <body name="camera" pos="{camera.x_m} 0 {camera.z_m}" xyaxes="{axes}">
        <camera name="camera" fovy="{math.degrees(camera.vertical_fov_rad)!r}"/>
        <geom name="sky" type="box" material="sky" size="{reach!r} {reach!r} 0.1" pos="0 0 {-SKY_DISTANCE_M}"/>
      </body>
      {_wheel(car, 'rear_left', 0.0, half)}
      {_wheel(car, 'rear_right', 0.0, -half)}
      {_wheel(car, 'front_left', car.wheelbase_m, half)}
      {_wheel(car, 'front_right', car.wheelbase_m, -half)}
    </body>"""


def _wheel(car: Car, name: str, x: float, y: float) -> str:
    inertia = _wheel_inertia(car.wheel_mass_kg, car.wheel_radius_m, car.wheel_width_m)
    spinning = f"""
          <joint name="spin_{name}" axis="0 1 0" damping="0.0002" armature="{ROTOR_INERTIA_KGM2}"/>
          <inertial pos="0 0 0" mass="{car.wheel_mass_kg}" diaginertia="{inertia}"/>
          <geom name="tyre_{name}" class="tyre"/>"""
    place = f'pos="{x} {y} {car.wheel_radius_m}"'
    if name.startswith('rear'):
        return f'<body name="{name}" {place}>{spinning}\n      </body>'
    return f"""<body name="knuckle_{name}" {place}>
        <joint name="steer_{name}" axis="0 0 1" armature="{STEERING_ARMATURE_KGM2}"/>
        <inertial pos="0 0 0" mass="0.001" diaginertia="1e-6 1e-6 1e-6"/>
        <body name="{name}">{spinning}
        </body>
      </body>"""


def _steering_servo(side: str) -> str:
    return (f'<position name="steer_{side}" joint="steer_front_{side}" '
            f'kp="{STEERING_STIFFNESS_NM}" kv="{STEERING_DAMPING_NMS}"/>')


def _box_inertia(mass: float, length: float, width: float, height: float) -> str:
    x, y, z = length ** 2, width ** 2, height ** 2
    return f'{mass / 12.0 * (y + z)} {mass / 12.0 * (x + z)} {mass / 12.0 * (x + y)}'


def _wheel_inertia(mass: float, radius: float, width: float) -> str:
    across = mass / 12.0 * (3.0 * radius ** 2 + width ** 2)
    return f'{across} {0.5 * mass * radius ** 2} {across}'


def _material(name: str, rgb: tuple[float, float, float]) -> str:
    return f'<material name="{name}" rgba="{rgb[0]:.5f} {rgb[1]:.5f} {rgb[2]:.5f} 1" specular="0" shininess="0"/>'


def _mesh(piece: Piece) -> str:
    flat = np.column_stack((piece.mesh.vertices, np.zeros(len(piece.mesh.vertices)))).ravel().tolist()
    vertices = ' '.join([f'{value:.4f}' for value in flat])
    faces = ' '.join(map(str, piece.mesh.faces.ravel().tolist()))
    return f'<mesh name="{piece.layer}_{piece.chunk}" inertia="shell" vertex="{vertices}" face="{faces}"/>'


def _road_geom(piece: Piece) -> str:
    name = f'{piece.layer}_{piece.chunk}'
    height = LAYER_HEIGHT_M * (1 + LAYERS.index(piece.layer))
    return f'<geom name="{name}" type="mesh" mesh="{name}" material="{piece.layer}" pos="0 0 {height}"/>'


def _lines(lines) -> str:
    return '\n    '.join(lines)
