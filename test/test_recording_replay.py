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

"""Replaying bags: the timeline, the matching of answers, and a replay over DDS."""
import math
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from liquid_control.cli.ros_domain import free_domain
from liquid_control.recording.bag import new_bag, open_bag
from liquid_control.recording.playback import assess, pace, timeline
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.policy_file import save_policy
from liquid_control.policy.spec import PolicySpec
from liquid_control.simulation.car import default_car

START_NS = 1_700_000_000 * 10**9
PERIOD_NS = 50_000_000
COUNT = 30


@pytest.fixture(scope='module')
def bag_path(tmp_path_factory):
    path = tmp_path_factory.mktemp('bags') / 'drive'
    rng = np.random.default_rng(0)
    with new_bag(path) as bag:
        for i in range(COUNT):
            stamp = START_NS + i * PERIOD_NS + (20 * 10**9 if i >= 20 else 0)
            bag.write_image('/camera/image_raw', stamp, 'camera', rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            bag.write_imu('/imu/data_raw', stamp - 10_000_000, 'imu_link', np.zeros(3), np.array([0.0, 0.0, 9.81]))
            bag.write_joy('/human_controls', stamp, 'base_link', (0.5 if i < 15 else -0.5, 0.5))
    return path


def test_the_timeline_keeps_distances_and_shortens_gaps(bag_path):
    with open_bag(bag_path) as bag:
        dues = list(timeline(bag))
        assert len(dues) == 2 * COUNT and not dues[0].camera
        pictures = np.array([due.due_s for due in dues if due.camera])
        steps = np.diff(pictures)
        assert steps[19] == pytest.approx(1.01, abs=1e-6)
        np.testing.assert_allclose(np.delete(steps, 19), 0.05, atol=1e-6)
        assert np.diff([due.due_s for due in dues]).min() >= 0.0
        assert pace(bag) == pytest.approx((dues[-1].due_s, 0.05))
        assert pace(bag, 2.0) == pytest.approx((dues[-1].due_s / 2.0, 0.025))


def test_answers_are_matched_by_stamp_or_by_time_and_compared(bag_path):
    car = default_car()
    turn = 2.0 * math.tan(0.5 * car.max_steering_rad) / car.wheelbase_m
    pictures = [[10**18 + i * PERIOD_NS, START_NS + i * PERIOD_NS] for i in range(15)]
    by_stamp = [[stamp, stamp + 5_000_000, 2.0, turn] for stamp, _ in pictures[:10]]
    by_time = [[7, pictures[12][0] + 1_000_000, 2.0, -turn]]
    standing = [[pictures[13][0], 0, 0.0, 0.0]]
    too_early = [[7, pictures[0][0] - 1, 2.0, turn]]
    replay = assess(bag_path, pictures, by_stamp + by_time + standing + too_early)
    assert (replay.pictures, replay.answered, replay.driven, replay.compared) == (15, 12, 11, 11)
    assert (replay.commands, replay.standing) == (13, 1)
    assert replay.steering_mae == pytest.approx(1.0 / 11.0, abs=1e-6)
    assert replay.mean_mae == pytest.approx(0.0, abs=1e-6)
    assert math.isnan(assess(bag_path, pictures, standing).steering_mae)


@pytest.fixture
def ros(monkeypatch):
    pytest.importorskip('rclpy')
    monkeypatch.setenv('ROS_DOMAIN_ID', str(free_domain(os.getpid())))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


def replay(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, '-m', 'liquid_control', 'replay', *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)


def test_a_running_node_answers_every_picture(ros, bag_path):
    node = subprocess.Popen([sys.executable, '-m', 'liquid_control.nodes.empty'], start_new_session=True)
    try:
        done = replay(bag_path)
    finally:
        node.send_signal(signal.SIGINT)
        node.wait(20)
    assert done.returncode == 0, done.stderr
    assert f'pictures played     {COUNT}' in done.stdout
    answered = re.search(r'pictures answered   ([0-9]+) .*, 0 of them', done.stdout)
    assert int(answered[1]) >= 0.9 * COUNT
    assert re.search(r'commands received   ([0-9]+), of them \1 to stand', done.stdout)


@pytest.fixture(scope='module')
def policy_path(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('policies') / 'small.safetensors'
    save_policy(DrivingPolicy(PolicySpec(cell='gru', wiring=None, speed_mps=1.0)), path)
    return path


def test_the_drive_node_answers_every_picture(ros, bag_path, policy_path):
    done = replay(bag_path, '--policy', policy_path)
    assert done.returncode == 0, done.stderr
    answered = re.search(r'pictures answered   ([0-9]+) .*, ([0-9]+) of them', done.stdout)
    assert int(answered[1]) >= int(answered[2]) >= 0.8 * COUNT  # all but what a busy machine delays
    compared = re.search(r'steering error      ([0-9.]+) against the human on -1..1, ([0-9]+) pictures', done.stdout)
    assert 0.0 < float(compared[1]) < 2.0
    assert compared[2] == answered[2]


def test_bad_input_is_one_line_and_code_2(tmp_path, bag_path):
    (tmp_path / 'no.safetensors').write_text('no policy')
    for arguments in (['gone'], [bag_path, '--rate', '0'], [bag_path, '--policy', tmp_path / 'no.safetensors']):
        done = replay(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1


def test_nothing_waits_for_ever_when_interrupted(ros, bag_path):
    command = [sys.executable, '-m', 'liquid_control', 'replay', str(bag_path)]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               text=True)
    time.sleep(10.0)  # past its imports, also on a busy machine
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert 'Traceback' not in said
