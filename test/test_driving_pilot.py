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

"""The control tick with a real policy and a fake clock."""
import math
from types import SimpleNamespace

import numpy as np
import pytest

from liquid_control.driving.limits import Limits
from liquid_control.driving.load_runner import load_runner
from liquid_control.driving.newest import Newest
from liquid_control.driving.pilot import Pilot
from liquid_control.driving.supervisor import State
from liquid_control.errors import InputError
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.compiling import Runner, export_torchscript
from liquid_control.policy.policy_file import save_policy, sha256_of

PERIOD = 1.0 / 30.0
HEIGHT, WIDTH = 48, 64


class Rig:
    """A pilot, its clock, and a source of messages."""

    def __init__(self, runner):
        self.said, self.steady = [], 0.0
        camera = Newest('camera', '/camera', 0.1, 'camera_timeout_s')
        imu = Newest('IMU', '/imu', 0.1, 'imu_timeout_s')
        self.pilot = Pilot(runner, camera, imu, Limits(2.0, 0.42, 6.0), PERIOD, self.said.append,
                           lambda: self.steady)
        self.now = 100.0
        self.rng = np.random.default_rng(0)

    def picture(self, age=0.0, **fields):
        pixels = self.rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        message = SimpleNamespace(**{'encoding': 'rgb8', 'height': HEIGHT, 'width': WIDTH, 'step': 3 * WIDTH,
                                     'is_bigendian': 0, 'data': bytearray(pixels.tobytes()), **fields})
        self.pilot.hear_picture(message, self.now, self.now - age, self.now, 0)
        return message

    def imu(self, turn=0.0, age=0.0):
        zero = [0.0] * 9
        self.pilot.hear_imu(SimpleNamespace(
            angular_velocity=SimpleNamespace(x=0.0, y=0.0, z=turn),
            linear_acceleration=SimpleNamespace(x=0.0, y=0.0, z=9.81),
            angular_velocity_covariance=zero, linear_acceleration_covariance=zero), self.now, self.now - age, self.now)

    def tick(self, picture=True, imu=True):
        self.now += PERIOD
        if imu:
            self.imu()
        if picture:
            self.picture()
        return self.pilot.tick(self.now)


@pytest.fixture(scope='module')
def runner():
    return Runner(new_policy('ltc', 'small', 0), HEIGHT, WIDTH)


@pytest.fixture
def rig(runner):
    made = Rig(runner)
    assert [made.tick().state for _ in range(3)] == [State.DRIVING] * 3
    return made


def test_each_picture_is_answered_once_and_the_answer_held(rig):
    tick = rig.tick()
    assert tick.answer.neurons.shape == (19,) and tick.command.speed_mps == 2.0
    held = rig.tick(picture=False)
    assert held.answer is None and held.picture is tick.picture and held.command.speed_mps == 2.0
    assert rig.pilot.answered == 4


def test_a_stale_camera_stops_within_its_timeout_and_the_policy_starts_afresh(rig, runner):
    states = [rig.tick(picture=False).state for _ in range(5)]
    assert states == [State.DRIVING] * 3 + [State.STOPPED] * 2 or states == [State.DRIVING] * 2 + [State.STOPPED] * 3
    again = rig.tick()
    assert again.state is State.DRIVING
    message = again.picture.message
    runner.reset()
    pixels = np.frombuffer(message.data, np.uint8).reshape(HEIGHT, WIDTH, 3)
    fresh = runner.step(pixels, np.array([0, 0, 0, 0, 0, 9.81], np.float32), PERIOD)
    np.testing.assert_array_equal(again.answer.neurons, fresh.neurons)


def test_a_stale_imu_stops_too(rig):
    ticks = [rig.tick(imu=False) for _ in range(5)]
    assert ticks[-1].state is State.STOPPED and 'IMU is stale' in ticks[-1].reason
    assert rig.tick().state is State.DRIVING


def test_imu_samples_that_are_not_finite_stop_when_they_persist(rig):
    def tick(turn):
        rig.now += PERIOD
        rig.imu(turn)
        rig.picture()
        return rig.pilot.tick(rig.now)
    assert tick(math.nan).state is State.DRIVING
    assert tick(0.0).state is State.DRIVING
    ticks = [tick(math.nan) for _ in range(5)]
    assert ticks[-1].state is State.STOPPED and 'IMU sample holds' in ticks[-1].reason
    assert rig.pilot.imu.rejected == 6


def test_a_good_imu_sample_counts_also_when_a_bad_one_comes_right_after_it(rig):
    for _ in range(6):
        rig.now += PERIOD
        rig.imu()
        rig.imu(math.nan)
        rig.picture()
        tick = rig.pilot.tick(rig.now)
    assert tick.state is State.DRIVING and rig.pilot.imu.rejected == 6


def test_an_imu_sample_that_comes_old_is_stale_on_arrival(rig):
    for _ in range(5):
        rig.now += PERIOD
        rig.imu(age=0.5)
        rig.picture()
        tick = rig.pilot.tick(rig.now)
    assert tick.state is State.STOPPED and 'IMU is stale' in tick.reason


class Slow:
    """A policy that takes its time now and then."""

    def __init__(self, runner):
        self.runner, self.rig, self.seconds = runner, None, 0.0
        self.reset = runner.reset

    def step(self, *inputs):
        self.rig.steady += self.seconds
        return self.runner.step(*inputs)


def test_an_answer_that_comes_when_its_picture_is_stale_moves_nothing(runner):
    slow = Slow(runner)
    slow.rig = rig = Rig(slow)
    assert rig.tick().state is State.DRIVING
    slow.seconds = 0.15
    tick = rig.tick()
    assert tick.state is State.STOPPED and 'policy is too slow: the answer took 150 ms' in tick.reason
    slow.seconds = 0.0
    rig.now += 0.15
    assert rig.tick().state is State.DRIVING


def test_pictures_that_cannot_be_read_stop_when_they_persist(rig):
    for _ in range(5):
        rig.now += PERIOD
        rig.imu()
        rig.picture(encoding='thermal9')
        tick = rig.pilot.tick(rig.now)
    assert tick.state is State.STOPPED and "encoding 'thermal9' is unknown" in tick.reason
    assert rig.tick().state is State.DRIVING


def test_a_picture_that_comes_old_is_stale_on_arrival(rig):
    for _ in range(5):
        rig.now += PERIOD
        rig.imu()
        rig.picture(age=0.5)
        tick = rig.pilot.tick(rig.now)
    assert tick.state is State.STOPPED and 'camera is stale' in tick.reason


def test_stamps_of_another_clock_do_not_stop_the_car_and_are_named_once(rig):
    for _ in range(5):
        rig.now += PERIOD
        rig.imu()
        rig.picture(age=50.0)
        tick = rig.pilot.tick(rig.now)
    assert tick.state is State.DRIVING and not tick.picture.timely
    assert [line for line in rig.said if 'stamps are 50 s old' in line] == rig.said[:1]


def test_a_frozen_camera_stops_and_another_picture_clears_it(rig):
    message = rig.picture()
    for _ in range(33):
        rig.now += PERIOD
        rig.imu()
        rig.pilot.hear_picture(message, rig.now, rig.now, rig.now, 0)
        tick = rig.pilot.tick(rig.now)
    assert tick.state is State.STOPPED and 'camera is frozen' in tick.reason
    assert rig.tick().state is State.DRIVING


def test_a_picture_of_another_size_is_answered(rig):
    rig.now += PERIOD
    rig.imu()
    rig.picture(height=30, width=40, step=120, data=bytearray(range(240)) * 15)
    tick = rig.pilot.tick(rig.now)
    assert tick.state is State.DRIVING and tick.answer is not None


def test_disengaged_the_network_goes_on_and_the_car_stands(rig):
    rig.pilot.engage(False)
    tick = rig.tick()
    assert tick.state is State.DISENGAGED and tick.command == (0.0, 0.0) and tick.picture is None
    assert tick.answer is not None
    rig.pilot.engage(True)
    assert rig.tick().state is State.DRIVING


def test_an_exception_stops_the_car_until_engaged(rig):
    rig.now += PERIOD
    rig.imu()
    rig.pilot.hear_picture('not a message', rig.now, rig.now, rig.now, 0)
    tick = rig.pilot.tick(rig.now)
    assert tick.state is State.ERROR and tick.command == (0.0, 0.0) and 'AttributeError' in tick.reason
    assert rig.tick().state is State.ERROR
    rig.pilot.engage(True)
    assert rig.tick().state is State.DRIVING


def test_weights_that_give_nan_stop_the_car():
    policy = new_policy('ltc', 'small', 0)
    policy.gain.data.fill_(math.nan)
    rig = Rig(Runner(policy, HEIGHT, WIDTH))
    for _ in range(15):
        tick = rig.tick()
    assert tick.state is State.STOPPED and 'policy output is not finite' in tick.reason


def test_what_is_forgotten_must_come_again(rig):
    rig.pilot.forget()
    assert rig.tick(picture=False, imu=False).reason == 'no camera message on /camera yet'
    assert rig.tick(imu=False).reason == 'no IMU message on /imu yet'
    assert rig.tick().state is State.DRIVING


def test_a_policy_file_drives_and_its_hash_is_held_to(tmp_path):
    path = tmp_path / 'p.safetensors'
    save_policy(new_policy('ltc', 'small', 0), path)
    assert load_runner(str(path), sha256_of(path).upper(), HEIGHT, WIDTH).spec.cell == 'ltc'
    with pytest.raises(InputError, match='correct policy_sha256'):
        load_runner(str(path), '0' * 64, HEIGHT, WIDTH)


def test_an_export_runs_only_by_its_hash(tmp_path):
    path = tmp_path / 'p.pt'
    digest = export_torchscript(new_policy('ltc', 'small', 0), path)
    with pytest.raises(InputError, match='set policy_sha256'):
        load_runner(str(path), '', HEIGHT, WIDTH)
    with pytest.raises(InputError, match='SHA-256'):
        load_runner(str(path), '0' * 64, HEIGHT, WIDTH)
    assert load_runner(str(path), digest, HEIGHT, WIDTH).spec.cell == 'ltc'


@pytest.mark.parametrize('policy', [
    'no/such.safetensors', '', '/', 'a' * 5000, 'a/' * 3000, '~nobody-of-that-name/p', 'a\0b'])
def test_a_policy_that_is_not_there_is_refused(policy):
    with pytest.raises(InputError, match='is not a file|is not a path|cannot be read'):
        load_runner(policy, '', HEIGHT, WIDTH)
