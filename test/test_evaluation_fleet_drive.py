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

"""Many episodes at once are the same episodes as one by one."""
import numpy as np
import pytest
import torch

from liquid_control.evaluation.job import Job, drive_job
from liquid_control.evaluation.conditions import parse_condition
from liquid_control.evaluation.fleet_drive import FleetDrive, PolicyPilot, Ride
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import load_policy
from liquid_control.share import share_path
from liquid_control.simulation.reward import REWARDS
from liquid_control.simulation.track_spec import load_track

SHIPPED = str(share_path('models/ncp19.safetensors'))
TRACK = load_track('random:1000003')


class Straight:
    """Drives straight on at 2 m/s; notes which cars it was asked about and what had passed."""

    def __init__(self) -> None:
        self.policy = new_policy('cnn', 'small', 0)
        self.asked: list[tuple[list[int], list[float]]] = []

    def start(self, count: int) -> None:
        self.asked.clear()

    def decide(self, cars, pictures, imu, elapsed):
        assert pictures.shape == (len(cars), 3, 48, 96) and pictures.dtype == torch.uint8
        assert imu.shape == (len(cars), 6)
        self.asked.append((cars.tolist(), elapsed[:, 0].tolist()))
        return np.zeros(len(cars)), np.full(len(cars), 2.0)


def test_each_ride_is_the_episode_that_evaluate_drives():
    conditions = ('shadow', 'drop=0.6', 'friction=0.3', 'steering_offset=0.1', 'camera_height=1.5')
    rides = [Ride(TRACK, parse_condition(condition), 7) for condition in conditions]
    together = FleetDrive(rides).drive(PolicyPilot(load_policy(SHIPPED)))
    for condition, ride in zip(conditions, together):
        alone = drive_job(Job(SHIPPED, 'random:1000003', 7, condition, 'fast', 1, None, None))
        assert ride.ended == alone['ended'] == 'completed'
        assert ride.lap_s == pytest.approx(alone['lap_s'], abs=0.15)
        assert ride.mean_abs_lateral_m == pytest.approx(alone['mean_abs_lateral_m'], abs=0.004)
        assert ride.max_abs_lateral_m == pytest.approx(alone['max_abs_lateral_m'], abs=0.03)


def test_a_fleet_drives_again_as_before():
    drive = FleetDrive([Ride(TRACK, parse_condition('noise=0.5'), 1)], time_limit_s=1.0)
    pilot = PolicyPilot(load_policy(SHIPPED))
    assert drive.drive(pilot) == drive.drive(pilot)


def test_straight_on_leaves_the_road_and_the_reward_says_so():
    rides = [Ride(TRACK, parse_condition(name), 0) for name in ('clean', 'speed=1.5')]
    pilot, reward = Straight(), REWARDS['laptime']
    drive = FleetDrive(rides, reward)
    slow, fast = drive.drive(pilot)
    assert slow.ended == fast.ended == 'off road' and slow.lap_s is None
    assert slow.progress == pytest.approx(fast.progress, abs=0.02)
    frames = np.array([sum(car in cars for cars, _ in pilot.asked) for car in (0, 1)])
    assert frames[1] < 0.85 * frames[0]
    for ride, count, rewarded in zip((slow, fast), frames, drive.rewards):
        seconds = count / 30.0
        gained = ride.progress * TRACK.length
        running = reward.second_cost + reward.offset_cost * ride.mean_abs_lateral_m
        assert rewarded == pytest.approx(gained - seconds * running - reward.off_road_cost, abs=0.02)


def test_lost_pictures_are_not_asked_about_and_time_adds_up():
    pilot = Straight()
    FleetDrive([Ride(TRACK, parse_condition('drop=0.5'), 3)], time_limit_s=1.0).drive(pilot)
    elapsed = [times[0] for _, times in pilot.asked]
    assert 5 < len(elapsed) < 25 and max(elapsed) > 1.0
    assert sum(elapsed) <= 30.0


def test_a_car_without_pictures_stands_until_it_counts_as_stuck():
    pilot = Straight()
    result, = FleetDrive([Ride(TRACK, parse_condition('drop=1'), 3)]).drive(pilot)
    assert result.ended == 'stuck' and result.progress < 1e-6 and not pilot.asked
