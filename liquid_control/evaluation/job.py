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

"""One closed-loop episode as a job that any process, here or on another machine, can do."""
from dataclasses import asdict, dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np

from liquid_control.evaluation.conditions import CLEAN, Condition, parse_condition
from liquid_control.evaluation.episode import Driver, run_episode
from liquid_control.simulation.car import default_car
from liquid_control.simulation.track import Track
from liquid_control.simulation.track_spec import load_track


@dataclass(frozen=True)
class Job:
    """One episode to drive; the fields are those of ``evaluate_policies``, in words that any process can read."""

    policy: str
    track: str
    seed: int
    condition: str
    engine: str
    laps: int
    centre_line: str | None
    road_width: float | None


def drive_job(job: Job) -> dict:
    """Drive one episode in this process and return its row."""
    track = _track(job.track, job.centre_line, job.road_width)
    condition = parse_condition(job.condition)
    world = make_world(job.engine, track, job.seed, condition)
    rng = np.random.default_rng((job.seed, crc32(str(condition).encode())))
    try:
        drive = run_episode(_driver(job.policy), world, track, condition, rng, job.laps)
    finally:
        world.close()
    row = {'policy': job.policy, 'track': job.track, 'seed': job.seed, 'condition': str(condition)}
    return row | asdict(drive)


def make_world(engine: str, track: Track, seed: int, condition: Condition = CLEAN):
    """Return a simulated car on the track, with the methods of ``episode.World`` and ``close``.

    What a condition does to pictures, steering and speed is up to the one who drives (``episode.run_episode``).
    """
    car = condition.car(default_car())
    if engine == 'mujoco':
        from liquid_control.simulation.mujoco_world import MujocoWorld
        return MujocoWorld(track, seed, car, condition.friction, condition.imu_noise)
    if engine == 'gazebo':
        from liquid_control.simulation.gazebo.gazebo_world import GazeboWorld
        return GazeboWorld(track, seed, car, condition.friction, condition.imu_noise, condition.boxes)
    from liquid_control.simulation.fast_world import FastWorld
    return FastWorld(track, seed, car, condition.friction, condition.imu_noise)


@lru_cache(maxsize=4)
def _track(spec: str, centre_line: str | None, road_width: float | None) -> Track:
    return load_track(spec, centre_line, road_width)


@lru_cache(maxsize=2)
def _driver(policy: str) -> Driver:
    from liquid_control.policy.compiling import Runner
    from liquid_control.policy.policy_file import load_policy
    return Runner(load_policy(policy))
