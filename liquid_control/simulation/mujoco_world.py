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

"""A world to drive in: the car on a track, in MuJoCo."""
import math
import weakref

import numpy as np

from liquid_control.errors import InputError
from liquid_control.simulation.camera_noise import CameraNoise
from liquid_control.simulation.car import Car, default_car
from liquid_control.simulation.drivetrain import Drivetrain
from liquid_control.simulation.imu_noise import ImuNoise
from liquid_control.simulation.mujoco_model import (
    HIDDEN_GROUP, SHOWN_GROUP, STEERING_DAMPING_NMS, STEERING_STIFFNESS_NM, STEP_S, car_world_mjcf)
from liquid_control.simulation.road_mesh import Piece, road_pieces
from liquid_control.simulation.software_gl import gl_context, mujoco
from liquid_control.simulation.track import Track

VIEW_M = 40.0
_SETTLE_STEPS = 300


class MujocoWorld:
    """A car on a track with tyre contact, a camera and an IMU.

    Steps are 1/600 s (``STEP_S``). When no command arrives for ``car.command_timeout_s`` of simulated time,
    the car brakes to a stand by itself.

    :param seed: of the noise of camera and IMU, and the IMU's bias.
    :param friction: factor on the tyres' friction.
    :param imu_noise: factor on the IMU's noise and bias.
    :param camera_noise: factor on the camera's noise; none unless told.
    :raises InputError: if a factor is out of range or there is no OpenGL to draw with.
    """

    def __init__(self, track: Track, seed: int, car: Car | None = None, friction: float = 1.0,
                 imu_noise: float = 1.0, camera_noise: float = 0.0) -> None:
        _check('friction factor', friction, 0.01, 10.0)
        _check('IMU noise factor', imu_noise, 0.0, 1000.0)
        _check('camera noise factor', camera_noise, 0.0, 100.0)
        self.track = track
        self.car = car or default_car()
        pieces = road_pieces(track)
        self._model = mujoco.MjModel.from_xml_string(car_world_mjcf(self.car, track, pieces, friction))
        self._data = mujoco.MjData(self._model)
        self._drivetrain = Drivetrain(self.car)
        self._imu_noise = imu_noise
        self.reseed_imu(seed)
        self._camera_noise = CameraNoise(self.car.camera, camera_noise, np.random.default_rng((seed, 0xca3)))
        self._imu_steps = max(1, round(1.0 / (self.car.imu.rate_hz * STEP_S)))
        self._rear = [int(self._model.joint(f'spin_rear_{side}').dofadr[0]) for side in ('left', 'right')]
        self._spins = [int(self._model.joint(i).dofadr[0]) for i in range(self._model.njnt)
                       if self._model.joint(i).name.startswith('spin')]
        self._rest_height = self._settle()
        # MuJoCo puts a contact in the middle of the overlap.
        self._rolling_radius = self.car.wheel_radius_m + 0.5 * self._rest_height
        self._eye = _Eye(self._model, self._data, self.car, pieces)
        self.reset()

    def reset(self, s: float = 0.0, lateral: float = 0.0, heading_error: float = 0.0, speed: float = 0.0) -> None:
        """Put the car on its wheels beside the centre line, at time 0.

        :param s: arc length in metres; any number, the road is a loop.
        :param lateral: metres to the left of the centre line.
        :param heading_error: rad to the left of the road's direction.
        :param speed: m/s forward; held until a command arrives or the command timeout ends.
        """
        x, y, yaw = self.track.pose(s, lateral)
        self._place(x, y, yaw + heading_error, speed)
        mujoco.mj_forward(self._model, self._data)
        self._step_count = 0
        self._command_step = 0
        self._drivetrain.reset(speed)
        self._sum = np.zeros(6)
        self._imu = self._noise.sample(self._data.sensordata)

    def reseed_imu(self, seed: int) -> None:
        """Start the IMU's noise afresh, with a bias of its own; a reset alone goes on with both."""
        self._noise = ImuNoise(self.car.imu, self._imu_noise, np.random.default_rng((seed, 0x1a5)))

    @property
    def time(self) -> float:
        """Seconds since the reset."""
        return self._step_count * STEP_S

    @property
    def steering_rad(self) -> float:
        """Angle of the virtual front wheel, left positive."""
        return self._drivetrain.steering_rad

    def command(self, steering_rad: float, speed_mps: float) -> None:
        """Set the steering angle (rad, left positive) and the speed (m/s, negative backwards).

        Values beyond the car's limits are cut to them.

        :raises InputError: if a value is not finite.
        """
        self._drivetrain.command(steering_rad, speed_mps)
        self._command_step = self._step_count

    def advance(self) -> None:
        """Compute one physics step."""
        data = self._data
        if (self._step_count - self._command_step) * STEP_S >= self.car.command_timeout_s:
            self._drivetrain.stop()
        wheel_speed = 0.5 * self._rolling_radius * float(data.qvel[self._rear[0]] + data.qvel[self._rear[1]])
        effort = self._drivetrain.step(wheel_speed, self.twist()[0], STEP_S)
        lead = STEERING_DAMPING_NMS / STEERING_STIFFNESS_NM
        data.ctrl[:] = (
            effort.rear_wheel_torque_nm, effort.rear_wheel_torque_nm,
            effort.front_wheel_torque_nm, effort.front_wheel_torque_nm,
            effort.left_steering_rad + lead * effort.left_steering_rate_radps,
            effort.right_steering_rad + lead * effort.right_steering_rate_radps)
        mujoco.mj_step(self._model, data)
        self._step_count += 1
        self._sense()

    def advance_to(self, time: float) -> None:
        """Compute steps until the world's time is ``time`` seconds, to the nearest step."""
        last = round(time / STEP_S)
        while self._step_count < last:
            self.advance()

    def camera(self) -> np.ndarray:
        """Return the picture that the camera sees now, uint8 (height, width, 3) RGB."""
        return self._camera_noise.add(self._eye.picture())

    def imu(self) -> np.ndarray:
        """Return the newest IMU sample, float32 (6,): gyro x, y, z rad/s, accelerometer x, y, z m/s^2.

        A sample is the mean over the IMU's period, as behind the low pass of a real one, plus noise and bias.
        """
        return self._imu.copy()

    def pose(self) -> tuple[float, float, float]:
        """Return the true pose of base_link: x m, y m, yaw rad in -pi..pi."""
        return _pose(self._data)

    def twist(self) -> tuple[float, float]:
        """Return the true forward speed of base_link in m/s and its yaw rate in rad/s."""
        yaw = self.pose()[2]
        vx, vy, _, _, _, yaw_rate = self._data.qvel[:6].tolist()
        return vx * math.cos(yaw) + vy * math.sin(yaw), yaw_rate

    def close(self) -> None:
        """Give the graphics memory back; the world draws no more pictures."""
        self._eye.close()

    def _settle(self) -> float:
        """Return the height of base_link when the car stands on its tyres."""
        mujoco.mj_resetData(self._model, self._data)
        for _ in range(_SETTLE_STEPS):
            mujoco.mj_step(self._model, self._data)
        return float(self._data.qpos[2])

    def _place(self, x: float, y: float, yaw: float, speed: float) -> None:
        mujoco.mj_resetData(self._model, self._data)
        self._data.qpos[:7] = (x, y, self._rest_height, math.cos(0.5 * yaw), 0.0, 0.0, math.sin(0.5 * yaw))
        self._data.qvel[:2] = speed * math.cos(yaw), speed * math.sin(yaw)
        self._data.qvel[self._spins] = speed / self._rolling_radius

    def _sense(self) -> None:
        self._sum += self._data.sensordata
        if self._step_count % self._imu_steps == 0:
            self._imu = self._noise.sample(self._sum / self._imu_steps)
            self._sum[:] = 0.0


class _Eye:
    """The camera of one world: draws in the process's only OpenGL context."""

    def __init__(self, model, data, car: Car, pieces: list[Piece]) -> None:
        self._model, self._data, self._car = model, data, car
        width, height = car.camera.width_px, car.camera.height_px
        self._geoms = np.array([model.geom(f'{piece.layer}_{piece.chunk}').id for piece in pieces])
        boxes = [(piece.mesh.vertices.min(axis=0), piece.mesh.vertices.max(axis=0)) for piece in pieces]
        self._middles = np.array([0.5 * (low + high) for low, high in boxes])
        self._reaches = np.array([0.5 * np.hypot(*(high - low)) for low, high in boxes])
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 8)
        self._scene.flags[:] = 0
        self._options = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = model.camera('camera').id
        self._frame = mujoco.MjrRect(0, 0, width, height)
        self._pixels = np.empty((height, width, 3), np.uint8)
        with gl_context():
            self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        self._finalizer = weakref.finalize(self, _free, self._context)
        self._finalizer.atexit = False

    def picture(self) -> np.ndarray:
        self._show_near()
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        mujoco.mjv_updateScene(
            self._model, self._data, self._options, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene)
        with gl_context():
            # Every time: another world's frame buffer may be bound.
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
            mujoco.mjr_render(self._frame, self._scene, self._context)
            mujoco.mjr_readPixels(self._pixels, None, self._frame, self._context)
        return self._pixels[::-1].copy()

    def close(self) -> None:
        self._finalizer()

    def _show_near(self) -> None:
        """Hide the pieces of road that are far away or behind the camera."""
        x, y, yaw = _pose(self._data)
        offset = self._middles - (x, y)
        ahead = offset[:, 0] * math.cos(yaw) + offset[:, 1] * math.sin(yaw)
        distance = np.hypot(offset[:, 0], offset[:, 1])
        shown = (distance - self._reaches < VIEW_M) & (ahead + self._reaches > 0.0)
        self._model.geom_group[self._geoms] = np.where(shown, SHOWN_GROUP, HIDDEN_GROUP)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f'{name} {value:g} is outside {low:g} to {high:g}; give a value within these limits')


def _pose(data) -> tuple[float, float, float]:
    x, y, _, qw, qx, qy, qz = data.qpos[:7].tolist()
    return x, y, math.atan2(2.0 * (qw * qz + qx * qy), 1.0 - 2.0 * (qy * qy + qz * qz))


def _free(context) -> None:
    with gl_context():
        context.free()
