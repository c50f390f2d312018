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
"""A changed car: the policy as it is beside the same policy that goes on learning by FPTT while it drives."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from liquid_control.evaluation.job import Job, drive_job, make_world
from liquid_control.evaluation.conditions import Condition, parse_condition
from liquid_control.learning.adaptation import Adaptation, Driver
from liquid_control.learning.handling import Handling
from liquid_control.learning.rehearsal import Moment
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.policy_file import load_policy, save_policy
from liquid_control.policy.spec import PolicySpec
from liquid_control.simulation.car import default_car
from liquid_control.simulation.track import Track
from liquid_control.simulation.track_spec import EVALUATION_SEEDS_FROM, load_track

LEARNING_SEEDS_FROM = 700_000
VISIT_S = 15.0
"""Driven seconds on a road of the learning drive before the next one."""


class Student(Protocol):
    """What drives the learning drive; ``adaptation.Adaptation`` or ``Frozen``."""

    policy: DrivingPolicy

    def reset(self) -> None:
        """Forget what was seen."""

    def stumble(self) -> None:
        """Take note that the car left its road."""

    def step(self, small: Tensor, imu: Tensor, elapsed: float, label: float | None) -> float:
        """Return the steering, -1..1, for a picture."""


class Frozen:
    """A policy that does not learn."""

    def __init__(self, policy: DrivingPolicy) -> None:
        self.policy = policy
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self._driver = Driver(self.policy, self.policy.initial_state())

    def stumble(self) -> None:
        """Take no note."""

    def step(self, small: Tensor, imu: Tensor, elapsed: float, label: float | None) -> float:
        """Return the steering, -1..1, for a picture."""
        return self._driver.step(Moment(small, imu, elapsed, label, 0))


class Obedient:
    """Does what the teacher says, without looking: how well the teacher itself drives."""

    def reset(self) -> None:
        """Forget nothing."""

    def stumble(self) -> None:
        """Take no note."""


class Tutor:
    """Pure pursuit on the true pose, corrected by what the car was seen to do with its commands."""

    def __init__(self, speed_mps: float) -> None:
        self._car = default_car()
        self._handling = Handling(self._car.wheelbase_m, speed_mps)

    def label(self, world, track: Track, s: float, commanded_rad: float, elapsed_s: float) -> float:
        """Return what is right now, -1..1 of the car's limit, at arc length s."""
        speed, yaw_rate = world.twist()
        self._handling.see(commanded_rad, speed, yaw_rate, elapsed_s)
        steering = self._handling.steering_rad(track, s, world.pose(), speed)
        return float(np.clip(steering / self._car.max_steering_rad, -1.0, 1.0))


def adapt_and_drive(policy: str, condition: str, engine: str, seed: int, seconds: float, laps: int) -> dict:
    """Let a policy drive a changed car for a time, frozen and adapting, then both without a teacher on other roads.

    :param seed: draws the roads and the noise.
    :param seconds: of the learning drive.
    :param laps: unseen tracks driven afterwards by each, one lap on each, nothing learned any more.
    """
    torch.set_num_threads(1)
    changed, start = parse_condition(condition), load_policy(policy).eval()
    row = {'policy': policy, 'condition': condition, 'engine': engine, 'seed': seed, 'seconds': seconds}
    adapting = Adaptation(start)
    row['on_the_way'] = {
        name: learning_drive(student, start.spec, changed, engine, seed, seconds)
        for name, student in (('teacher', Obedient()), ('frozen', Frozen(start)), ('adapting', adapting))}
    row |= {'swaps': adapting.swaps, 'returns': adapting.returns}
    with TemporaryDirectory() as folder:
        adapted = Path(folder) / f'adapted_{seed}.safetensors'
        save_policy(adapting.policy, adapted)
        tracks = [f'random:{EVALUATION_SEEDS_FROM + 500 + seed * laps + i}' for i in range(laps)]
        row['afterwards'] = {name: [_lap(str(path), track, seed, condition, engine) for track in tracks]
                             for name, path in (('frozen', policy), ('adapted', adapted))}
    return row


def learning_drive(student: Student | Obedient, spec: PolicySpec, condition: Condition, engine: str, seed: int,
                   seconds: float) -> dict:
    """Drive one road after the other; a car that leaves its road is put back to its middle.

    :param spec: tells the speed and the period of a decision.
    :return: off_road: how often it left the road; mean_abs_lateral_m: over each ``VISIT_S`` of the drive.
    """
    tutor, lateral, off_road = Tutor(condition.speed * spec.speed_mps), [], 0
    for visit in range(max(1, round(seconds / VISIT_S))):
        place = 100 * seed + visit
        track = load_track(f'random:{LEARNING_SEEDS_FROM + place}')
        world = make_world(engine, track, place, condition)
        try:
            errors, left = _visit(student, spec, tutor, world, track, condition)
        finally:
            world.close()
        lateral.append(round(float(np.mean(errors)), 4))
        off_road += left
    return {'off_road': off_road, 'mean_abs_lateral_m': lateral}


def _visit(student: Student | Obedient, spec: PolicySpec, tutor: Tutor, world, track: Track,
           condition: Condition) -> tuple[list[float], int]:
    """Return the distance from the centre line at each picture and how often the car left the road."""
    period_s, limit = spec.period_s, default_car().max_steering_rad
    fault = condition.camera_fault(np.random.default_rng(0), 1.0 / period_s)
    student.reset()
    s, frame, steering, unseen, errors, left = 0.0, 0, 0.0, 1, [], 0
    for _ in range(round(VISIT_S / period_s)):
        x, y, _ = world.pose()
        s, _ = track.project(x, y, near=s)
        label = tutor.label(world, track, s, steering, period_s)
        if isinstance(student, Obedient):
            steering = limit * label
        elif (picture := fault.apply(world.camera())) is None:
            unseen += 1
        else:
            small = student.policy.retina.resize(torch.from_numpy(picture[None]))[0]
            steering = limit * student.step(small, torch.from_numpy(world.imu()), float(unseen), label)
            unseen = 1
        world.command(steering + condition.steering_offset_rad, condition.speed * spec.speed_mps)
        frame += 1
        world.advance_to(frame * period_s)
        x, y, _ = world.pose()
        s, lateral = track.project(x, y, near=s)
        errors.append(abs(lateral))
        if not track.on_road(s, lateral):
            left, frame, steering = left + 1, 0, 0.0
            world.reset(s)
            student.stumble()
            student.reset()
    return errors, left


def _lap(policy: str, track: str, seed: int, condition: str, engine: str) -> dict:
    return drive_job(Job(policy, track, seed, condition, engine, 1, None, None))
