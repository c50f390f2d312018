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

import math

import numpy as np
import pytest

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.learning.loop.plan import Plan, load_roads
from liquid_control.learning.loop.road import Follower, Odometry
from liquid_control.learning.loop.teachers import ExpertTeacher, HumanTeacher, Role
from liquid_control.learning.loop.tour import Tour
from liquid_control.learning.loop.trials import HumanTrial, RoadTrial
from liquid_control.simulation.car import default_car
from liquid_control.simulation.track_spec import load_track

PERIOD_NS = 33_333_333
ROADS = load_roads(('random:3', 'random:4'), 0.8)


class Bicycle:
    """A car that obeys at once and does not slip, at 30 Hz."""

    def __init__(self, track, lateral=0.0):
        self.x, self.y, self.yaw = track.pose(0.0, lateral)
        self.stamp_ns, self.speed = 10 ** 9, 0.0

    def drive(self, command, period_ns=PERIOD_NS):
        self.stamp_ns += period_ns
        self.speed = command.speed_mps
        self.yaw += 1e-9 * period_ns * self.speed * math.tan(command.steering_rad) / default_car().wheelbase_m
        self.x += 1e-9 * period_ns * self.speed * math.cos(self.yaw)
        self.y += 1e-9 * period_ns * self.speed * math.sin(self.yaw)
        return self.odometry

    @property
    def odometry(self):
        return Odometry(self.stamp_ns, self.x, self.y, self.yaw, self.speed)


def expert(role, **plan):
    teacher = ExpertTeacher(Plan(**plan), default_car(), np.random.default_rng(1))
    teacher.enter(ROADS['random:3'])
    teacher.act(role)
    return teacher


def test_the_expert_drives_round_the_road_and_says_what_is_right_without_the_push():
    teacher, car = expert(Role.DRIVE, push_rad=0.05), Bicycle(ROADS['random:3'])
    pushes, laterals = [], []
    odometry = car.odometry
    while teacher.place is None or teacher.place.driven < ROADS['random:3'].length:
        command = teacher.see(odometry)
        pushes.append(command.steering_rad - teacher.label(car.stamp_ns).steering_rad)
        laterals.append(abs(teacher.place.lateral))
        assert teacher.place.overrun < 0.0
        odometry = car.drive(command)
    assert 0.02 < np.std(pushes) < 0.1 and np.mean(laterals) < 0.1
    assert teacher.takeovers == 0 and teacher.drove(car.stamp_ns) and teacher.label(5) is None


def test_what_is_right_is_told_for_pictures_between_two_poses():
    teacher, exact = expert(Role.WATCH), expert(Role.WATCH)
    car, differences = Bicycle(ROADS['random:3'], lateral=0.2), []
    car.speed = 2.0
    for _ in range(60):
        teacher.see(car.odometry)
        car.drive(Command(0.1, 2.0), PERIOD_NS // 2)
        exact.see(car.odometry)
        picture_ns = car.stamp_ns
        assert teacher.label(picture_ns) is None  # the pose after it has not come
        car.drive(Command(0.1, 2.0), PERIOD_NS // 2)
        teacher.see(car.odometry)
        differences.append(teacher.label(picture_ns).steering_rad - exact.label(picture_ns).steering_rad)
    assert np.abs(differences).max() < 0.005
    before_ns = car.stamp_ns
    teacher.see(car.drive(Command(0.1, 2.0), 150_000_000))
    assert teacher.label(before_ns + 75_000_000) is None  # too long without a pose


def test_the_guard_takes_over_at_the_edge_and_lets_go_in_the_middle():
    teacher, car = expert(Role.GUARD), Bicycle(ROADS['random:3'])
    straight, odometry, helped = Command(0.0, 2.0), car.odometry, []
    for _ in range(600):
        command = teacher.see(odometry)
        helped.append(command is not None)
        assert teacher.place.overrun < 0.0
        if helped[-1] and not helped[-2]:
            assert abs(teacher.place.soon) > 0.3
        if len(helped) > 1 and helped[-2] and not helped[-1]:
            assert teacher.place.settled
        odometry = car.drive(command or straight)
    changes = sum(a != b for a, b in zip(helped, helped[1:]))
    assert teacher.takeovers > 3 and changes >= 2 * teacher.takeovers - 1
    assert 0.1 < np.mean(helped) < 0.9


def test_who_watches_never_commands_but_says_what_is_right():
    teacher, car = expert(Role.WATCH), Bicycle(ROADS['random:3'], lateral=0.39)
    assert teacher.see(car.odometry) is None and teacher.label(car.stamp_ns).steering_rad < 0.0
    assert not teacher.drove(car.stamp_ns + 1)
    teacher.leave()
    assert teacher.see(car.drive(Command(0.0, 1.0))) is None and teacher.place is None


def test_a_human_counts_while_commanding_and_shortly_after():
    human, second = HumanTeacher(default_car()), 10 ** 9
    assert human.label(second) is None and not human.drove(second)
    for i in range(4):
        human.hear(second + i * 50_000_000, Command(0.1 * i, 1.0))
    end = second + 150_000_000
    assert human.label(second + 60_000_000).steering_rad == 0.1
    assert human.label(end + 200_000_000).steering_rad == pytest.approx(0.3)
    assert human.label(end + 300_000_000) is None
    assert human.drove(end + 400_000_000) and not human.drove(end + 600_000_000)
    assert human.takeovers == 1
    human.hear(end + 700_000_000, Command(2.0, 1.0))
    assert human.takeovers == 2 and human.label(end + 700_000_000).steering_rad == default_car().max_steering_rad
    human.hear(end + 750_000_000, Command(1.5, 0.0))
    assert human.label(end + 750_000_000) is None  # standing, no steering is known


def test_a_tour_goes_from_road_to_road_and_waits_until_the_car_is_there():
    teacher, asked, said = expert(Role.WATCH), [], []
    tour = Tour(ROADS, teacher, lambda spec: asked.append(spec) or True, said.append)
    tour.go('random:4', 0.0)
    there, elsewhere = Bicycle(ROADS['random:4']), Bicycle(ROADS['random:3'])
    tour.see(there.odometry)
    assert asked == ['random:4'] and teacher.see(there.odometry) is None  # the simulator has not said so
    tour.placed('random:4')
    tour.see(elsewhere.odometry)
    assert teacher.see(elsewhere.odometry) is None
    tour.see(there.odometry)
    teacher.see(there.odometry)
    assert teacher.place.s == pytest.approx(0.0, abs=0.05) and teacher.place.driven == 0.0
    assert not tour.ready(there.stamp_ns) and tour.ready(there.stamp_ns + 600_000_000)
    tour.go('random:3', 10.0)
    tour.tick(26.0)
    assert asked == ['random:4', 'random:3', 'random:3'] and not tour.ready(there.stamp_ns + 700_000_000)


@pytest.mark.parametrize('there', [True, False])
def test_without_a_simulator_that_moves_the_car_the_first_road_is_meant(there):
    teacher, said = expert(Role.WATCH), []
    tour = Tour(ROADS, teacher, lambda spec: there, said.append)
    tour.go('random:4', 0.0)
    if there:
        tour.stays('read-only')
    else:
        for now in 1.0, 5.0, 11.0:
            tour.tick(now)
    assert tour.fixed and tour.spec == 'random:3' and 'stays on its track' in said[0]
    car = Bicycle(ROADS['random:3'])
    for _ in range(30):
        tour.see(car.drive(Command(0.0, 2.0)))
    assert tour.visited_s(car.stamp_ns) == pytest.approx(29 / 30, abs=0.01)
    tour.go('random:4', 20.0)
    assert tour.spec == 'random:3' and tour.visited_s(car.stamp_ns) == 0.0 and tour.ready(car.stamp_ns)


def drive_trial(trial, commands):
    """Drive each track of a trial with a command of its own; return how the tracks ended."""
    ended = []
    while trial.spec is not None:
        track = ROADS[trial.spec]
        teacher, car = expert(Role.WATCH), Bicycle(track)
        teacher.enter(track)
        how = ''
        while not how:
            command = commands[len(ended)] or teacher.label(car.stamp_ns) or Command(0.0, 1.0)
            odometry = car.drive(command)
            teacher.see(odometry)
            how = trial.see(1e-9 * odometry.stamp_ns, teacher.place)
        ended.append(how)
    return ended


def test_a_trial_gives_the_share_of_time_until_the_car_failed():
    trial = RoadTrial(('random:3', 'random:4', 'random:3'), 12.0, 0.0)
    assert drive_trial(trial, [None, Command(-0.4, 2.0), Command(0.0, 0.0)]) == ['completed', 'off road', 'stuck']
    assert trial.completed == 1 and 1 / 3 < trial.score < 2 / 3 and '1 of 3 tracks completed' in trial.summary()


def test_a_trial_ends_when_the_score_to_beat_is_out_of_reach():
    trial = RoadTrial(('random:3',) * 4, 5.0, 0.9)
    assert drive_trial(trial, [Command(-0.4, 2.0)] * 4) == ['off road']
    assert trial.score < 0.25


def test_a_human_trial_counts_the_time_without_takeover():
    trial = HumanTrial(10.0, 0.5)
    trial.see(0.25, helped=True)
    for i in range(40):
        assert not trial.over
        trial.see(0.25, helped=10 < i <= 18)
    assert trial.over and trial.score == pytest.approx(0.8)
    hopeless = HumanTrial(10.0, 0.9)
    for i in range(6):
        assert not hopeless.over
        hopeless.see(0.25, helped=i > 0)
    assert hopeless.over and hopeless.score == pytest.approx(0.025)


def test_the_follower_knows_where_the_car_is():
    track = load_track('random:3')
    x, y, yaw = track.pose(5.0, 0.1)
    place = Follower(track).see(Odometry(0, x, y, yaw + 0.2, 2.0))
    assert place.s == pytest.approx(5.0, abs=0.05) and place.lateral == pytest.approx(0.1, abs=0.01)
    assert place.heading == pytest.approx(0.2, abs=0.02) and place.soon == pytest.approx(0.2, abs=0.02)
    half = 0.5 * (track.half_width_left[0] + track.half_width_right[0])
    assert place.overrun == pytest.approx(0.1 - half, abs=0.02) and place.room == pytest.approx(half - 0.2, abs=0.03)


@pytest.mark.parametrize(('specs', 'words'), [
    ((), 'tracks is empty'), (('random:1000000',), 'for evaluation'), (('nowhere.csv',), 'cannot be read')])
def test_unusable_tracks_are_named(specs, words):
    with pytest.raises(InputError, match=words):
        load_roads(specs, 0.0)
