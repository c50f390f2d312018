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

"""A world to drive in on the fast simulator: one car, with the calls of MujocoWorld."""
import numpy as np

from liquid_control.errors import InputError
from liquid_control.simulation.car import Car, default_car
from liquid_control.simulation.fast_camera import FastCamera
from liquid_control.simulation.fast_fleet import FastFleet, Handling
from liquid_control.simulation.ground_map import ground_map
from liquid_control.simulation.imu_noise import ImuNoise
from liquid_control.simulation.track import Track

STEP_S = 1.0 / 60.0
_WHOLE_VIEW = (0.0, 0.0, 0.0, 0.0)
_FIRST = np.zeros(1, int)


class FastWorld:
    """A car on a track without tyres or suspension, for evaluation in a hurry.

    When no command arrives for ``car.command_timeout_s`` of simulated time, the car brakes to a stand by itself.

    :param seed: of the IMU's noise and bias.
    :param friction: factor on the tyres' friction.
    :param imu_noise: factor on the IMU's noise and bias.
    """

    def __init__(self, track: Track, seed: int, car: Car | None = None, friction: float = 1.0,
                 imu_noise: float = 1.0) -> None:
        self.track = track
        self.car = car or default_car()
        handling = Handling.nominal(self.car, 1)
        handling.friction *= friction
        self._fleet = FastFleet(self.car, [track], handling)
        camera = self.car.camera
        self._camera = FastCamera(camera, camera.height_px, camera.width_px, _WHOLE_VIEW)
        self._ground = self._camera.ground_points(np.array([camera.pitch_rad]), np.array([camera.z_m]))
        self._maps = [ground_map(track)]
        look = track.appearance
        self._sky = np.clip(255.0 * look.light * np.array(look.sky_rgb), 0.0, 255.0).astype(np.uint8)
        self._noise = ImuNoise(self.car.imu, imu_noise, np.random.default_rng((seed, 0x1a5)))
        self.reset()

    def reset(self, s: float = 0.0, lateral: float = 0.0, heading_error: float = 0.0, speed: float = 0.0) -> None:
        """Put the car beside the centre line, at time 0.

        :param s: arc length in metres; any number, the road is a loop.
        :param lateral: metres to the left of the centre line.
        :param heading_error: rad to the left of the road's direction.
        :param speed: m/s forward; held until a command arrives or the command timeout ends.
        """
        start = s % self.track.length, lateral, heading_error, speed
        self._fleet.place(_FIRST, *(np.array([value]) for value in start))
        self._command = np.array([0.0]), np.array([speed])
        self._step_count = self._command_step = 0
        self._imu = self._noise.sample(self._fleet.imu()[0])

    @property
    def time(self) -> float:
        """Seconds since the reset."""
        return self._step_count * STEP_S

    def command(self, steering_rad: float, speed_mps: float) -> None:
        """Set the steering angle (rad, left positive) and the speed (m/s, forward); cut to the car's limits.

        :raises InputError: if a value is not finite.
        """
        if not np.isfinite((steering_rad, speed_mps)).all():
            raise InputError(f'command ({steering_rad} rad, {speed_mps} m/s) is not finite; send finite numbers')
        self._command = np.array([steering_rad]), np.array([speed_mps])
        self._command_step = self._step_count

    def advance(self) -> None:
        """Compute one step of 1/60 s."""
        steering, speed = self._command
        silent = (self._step_count - self._command_step) * STEP_S >= self.car.command_timeout_s
        self._fleet.step(steering, 0.0 * speed if silent else speed, STEP_S)
        self._step_count += 1
        self._imu = self._noise.sample(self._fleet.imu()[0])

    def advance_to(self, time: float) -> None:
        """Compute steps until the world's time is ``time`` seconds, to the nearest step."""
        while self._step_count < round(time / STEP_S):
            self.advance()

    def camera(self) -> np.ndarray:
        """Return the picture that the camera sees now, uint8 (height, width, 3) RGB."""
        planes = self._camera.render(self._maps, [self.track.appearance], self._fleet.poses, *self._ground)[0]
        picture = np.ascontiguousarray(planes.transpose(1, 2, 0))
        picture[:self._horizon_row()] = self._sky
        return picture

    def imu(self) -> np.ndarray:
        """Return the newest IMU sample, float32 (6,): gyro x, y, z rad/s, accelerometer x, y, z m/s^2."""
        return self._imu.copy()

    def pose(self) -> tuple[float, float, float]:
        """Return the pose of base_link: x m, y m, yaw rad, not wrapped."""
        x, y, yaw = self._fleet.poses[0].tolist()
        return x, y, yaw

    def twist(self) -> tuple[float, float]:
        """Return the forward speed in m/s and the yaw rate in rad/s."""
        return float(self._fleet.speed[0]), float(self._fleet.yaw_rate[0])

    def close(self) -> None:
        """Do nothing: this world holds no graphics memory."""

    def _horizon_row(self) -> int:
        """Return the first row of the picture that sees the ground."""
        camera = self.car.camera
        return max(0, round(0.5 * camera.height_px - camera.focal_px * np.tan(camera.pitch_rad)))
