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

"""``bench simulator``: camera frames a second of the simulators, with all that driving needs of each frame."""
import time
from collections.abc import Callable

import numpy as np

from liquid_control.evaluation.job import make_world
from liquid_control.evaluation.pursuit import Pursuer
from liquid_control.learning.expert import expert_steering
from liquid_control.policy.heads import PICTURE_SIZES
from liquid_control.simulation.car import default_car
from liquid_control.simulation.fast_camera import FastCamera
from liquid_control.simulation.fast_fleet import FastFleet, Handling
from liquid_control.simulation.ground_map import ground_map
from liquid_control.simulation.track import Track
from liquid_control.simulation.track_spec import load_track

SECONDS = 2.0
CASES = 3
FLEET_CARS = 64
CROP = (1.0 / 3.0, 0.0, 0.0, 0.0)
TRACK = 'random:1000000'


def bench_simulator(seconds: float = SECONDS, on_round: Callable[[], None] | None = None) -> dict:
    """Count frames for some seconds each: one car in MuJoCo, one in the fast simulator, a fleet in the fast one.

    A frame of one car is a camera picture, an IMU sample and 1/30 s of motion under pure pursuit; one of a fleet is a
    picture as the small vision head sees it, and the motion.

    :param on_round: called after each of the ``CASES``.
    """
    track = load_track(TRACK)
    cases = {
        'MuJoCo, 1 car': lambda: _world_frames('mujoco', track, seconds),
        'fast, 1 car': lambda: _world_frames('fast', track, seconds),
        f'fast, {FLEET_CARS} cars': lambda: _fleet_frames(track, seconds)}
    rows = []
    for name, case in cases.items():
        rows.append(_row(name, case))
        if on_round is not None:
            on_round()
    per_s = [row['per_s'] for row in rows]
    return {'benchmark': 'simulator', 'rows': rows, 'ratios': {'fast_fleet_vs_mujoco': per_s[2] / per_s[0]}}


def _row(name: str, case: Callable[[], float]) -> dict:
    per_s = case()
    return {'name': name, 'per_s': per_s, 'times_real_time': per_s / default_car().camera.rate_hz}


def _world_frames(engine: str, track: Track, seconds: float) -> float:
    world = make_world(engine, track, seed=0)
    driver = Pursuer(world, track)
    period = 1.0 / default_car().camera.rate_hz
    try:
        frame, start = 0, time.perf_counter()
        while time.perf_counter() < start + seconds:
            decision = driver.step(world.camera(), world.imu(), period)
            world.command(decision.steering_rad, decision.speed_mps)
            frame += 1
            world.advance_to(frame * period)
        return frame / (time.perf_counter() - start)
    finally:
        world.close()


def _fleet_frames(track: Track, seconds: float) -> float:
    car, count = default_car(), FLEET_CARS
    fleet = FastFleet(car, [track] * count, Handling.nominal(car, count))
    still = np.zeros(count)
    fleet.place(np.arange(count), np.linspace(0.0, track.length, count, endpoint=False), still, still, still)
    camera = FastCamera(car.camera, *PICTURE_SIZES['small'], CROP)
    ground = camera.ground_points(np.full(count, car.camera.pitch_rad), np.full(count, car.camera.z_m))
    maps, looks = [ground_map(track)] * count, [track.appearance] * count
    speed = np.full(count, 2.0)
    frames, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        camera.render(maps, looks, fleet.poses, *ground)
        fleet.imu()
        fleet.step(expert_steering(fleet), speed, 1.0 / car.camera.rate_hz)
        frames += count
    return frames / (time.perf_counter() - start)
