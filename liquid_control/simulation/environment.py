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

"""The embedded simulator as a Gymnasium environment."""
from typing import Any

import gymnasium
import numpy as np

from liquid_control.errors import InputError
from liquid_control.simulation.car import default_car
from liquid_control.simulation.mujoco_world import MujocoWorld
from liquid_control.simulation.reward import REWARDS, reward_of
from liquid_control.simulation.track import Track
from liquid_control.simulation.track_spec import load_track

OFF_ROAD_PENALTY = REWARDS['progress'].off_road_cost


class DrivingEnv(gymnasium.Env):
    """Drive a car by its camera and IMU; one step is one camera period (1/30 s).

    Observation: ``picture`` uint8 (height, width, 3) RGB and ``imu`` float32 (6,), gyro x, y, z in rad/s and
    accelerometer x, y, z in m/s^2. Action, float32 (2,) in -1..1: steering as a fraction of the car's largest
    angle, left positive, and speed, -1 standing and 1 at ``max_speed_mps``. Reward: metres of centre line gained,
    and -10 for leaving the road, or another of ``simulation.reward.REWARDS``. ``info``: ``s``, ``lateral``,
    ``progress`` (m), ``speed`` (m/s) and ``time`` (s). An episode is terminated when base_link leaves the road and
    truncated after ``laps`` or ``time_limit_s``.

    :param track: ``random:SEED`` or a centre-line CSV file.
    :param seed: of the start positions and the IMU when ``reset`` is not given one.
    :param reward: 'progress', 'laptime' or 'robust', as liquid_control.simulation.reward describes them.
    :param random_start: start anywhere on the road, a little beside and across it; else at arc length 0.
    :raises InputError: if an option is unusable.
    """

    metadata = {'render_modes': ['rgb_array'], 'render_fps': 30}

    def __init__(self, track: str = 'random:0', seed: int | None = None, laps: int = 1, time_limit_s: float = 120.0,
                 max_speed_mps: float = 2.0, friction: float = 1.0, imu_noise: float = 1.0,
                 random_start: bool = True, render_mode: str | None = None, reward: str = 'progress') -> None:
        self._car = default_car()
        self._reward = reward_of(reward)
        _check('laps', laps, 1, 1000)
        _check('time limit in seconds', time_limit_s, 0.1, 1e5)
        _check('top speed in m/s', max_speed_mps, 0.1, self._car.max_speed_mps)
        if render_mode not in (None, *self.metadata['render_modes']):
            raise InputError(f"render mode '{render_mode}' is not rgb_array; give rgb_array or None")
        self.render_mode = render_mode
        self._track = load_track(track)
        self._laps, self._time_limit, self._max_speed = laps, time_limit_s, max_speed_mps
        self._random_start = random_start
        self._seed = seed
        camera = self._car.camera
        self._period = 1.0 / camera.rate_hz
        self.observation_space = gymnasium.spaces.Dict({
            'picture': gymnasium.spaces.Box(0, 255, (camera.height_px, camera.width_px, 3), np.uint8),
            'imu': gymnasium.spaces.Box(-np.inf, np.inf, (6,), np.float32)})
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self._world = MujocoWorld(self._track, 0, self._car, friction, imu_noise)

    @property
    def track(self) -> Track:
        """The road that is driven on."""
        return self._track

    @property
    def world(self) -> MujocoWorld:
        """The simulator, for its ground truth."""
        return self._world

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        """Put the car on the road; the same seed gives the same episode."""
        seed, self._seed = (self._seed if seed is None else seed), None
        super().reset(seed=seed)
        self._world.reseed_imu(int(self.np_random.integers(2 ** 31)))
        start = self._draw_start() if self._random_start else (0.0, 0.0, 0.0)
        self._world.reset(*start)
        self._frames, self._progress = 0, 0.0
        self._s, self._lateral = self._track.project(*self._world.pose()[:2])
        return self._observe(), self._info()

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        """Drive for one camera period.

        :raises InputError: if the action is not two finite numbers.
        """
        action = np.asarray(action, float)
        if action.shape != (2,) or not np.isfinite(action).all():
            raise InputError(f'action {action} is not two finite numbers; give steering and speed from -1 to 1')
        steering, speed = np.clip(action, -1.0, 1.0)
        self._world.command(steering * self._car.max_steering_rad, 0.5 * (speed + 1.0) * self._max_speed)
        self._frames += 1
        self._world.advance_to(self._frames * self._period)
        gained = self._follow()
        terminated = not self._track.on_road(self._s, self._lateral)
        truncated = self._progress >= self._laps * self._track.length or self._world.time >= self._time_limit
        reward = self._reward(gained, self._lateral, terminated, self._period)
        return self._observe(), float(reward), terminated, bool(truncated and not terminated), self._info()

    def render(self) -> np.ndarray | None:
        """Return what the camera sees, or None without a render mode."""
        return self._world.camera() if self.render_mode else None

    def close(self) -> None:
        """Give the graphics memory back."""
        self._world.close()

    def _draw_start(self) -> tuple[float, float, float]:
        s = self.np_random.uniform(0.0, self._track.length)
        i = int(s / self._track.spacing) % len(self._track.centre)
        half = min(self._track.half_width_left[i], self._track.half_width_right[i])
        return s, 0.3 * half * self.np_random.uniform(-1.0, 1.0), self.np_random.uniform(-0.15, 0.15)

    def _follow(self) -> float:
        """Project the car onto the centre line; return the metres gained since the step before."""
        before = self._s
        self._s, self._lateral = self._track.project(*self._world.pose()[:2], near=before)
        half_loop = 0.5 * self._track.length
        gained = (self._s - before + half_loop) % self._track.length - half_loop
        self._progress += gained
        return gained

    def _observe(self) -> dict[str, np.ndarray]:
        return {'picture': self._world.camera(), 'imu': self._world.imu()}

    def _info(self) -> dict[str, float]:
        return {'s': self._s, 'lateral': self._lateral, 'progress': self._progress,
                'speed': self._world.twist()[0], 'time': self._world.time}


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f'{name} {value:g} is outside {low:g} to {high:g}; give a value within these limits')
