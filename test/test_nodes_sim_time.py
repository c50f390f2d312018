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

"""The drive node in simulated time: it follows /clock, also when that pauses and jumps."""
from itertools import pairwise

import pytest

pytest.importorskip('rclpy')

import ros_rig  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402

from liquid_control.learning.simulated import new_policy  # noqa: E402
from liquid_control.policy.policy_file import save_policy  # noqa: E402

CLOCK_PERIOD_NS = 10 ** 9 // 120
DOMAIN = ros_rig.own_domain()


class SimulatedRig(ros_rig.Rig):
    """A rig that publishes /clock; every fourth tick is a picture, stamped with it."""

    def __init__(self, domain):
        super().__init__(domain)
        self.time_ns = 1000 * 10 ** 9
        self._clock = self.node.create_publisher(Clock, '/clock', 1)
        self._count = 0

    def play(self, picture, imu=True):
        self._count += 1
        self.time_ns += CLOCK_PERIOD_NS
        clock = Clock()
        clock.clock.sec, clock.clock.nanosec = divmod(self.time_ns, 10 ** 9)
        self._clock.publish(clock)
        if imu:
            sample = ros_rig.Imu()
            sample.linear_acceleration.z = 9.81
            self.imus.publish(sample)
        if self._count % 4 == 0:
            self.publish(picture())
        self.receive()

    def receive(self):
        end = ros_rig.time.monotonic() + 1.0 / 120.0
        while ros_rig.time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.002)

    def publish(self, message):
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(self.time_ns, 10 ** 9)
        self.stamps.append(self.time_ns)
        self.images.publish(message)


@pytest.fixture(scope='module')
def rig(tmp_path_factory):
    path = tmp_path_factory.mktemp('policy') / 'p.safetensors'
    save_policy(new_policy('ltc', 'small', 0), path)
    process = ros_rig.Process('liquid_control.nodes.drive', DOMAIN, {
        'policy': path, 'autostart': 'true', 'use_sim_time': 'true', 'camera_timeout_s': 0.5, 'imu_timeout_s': 0.5})
    made = SimulatedRig(DOMAIN)
    made.until_driving()
    yield made
    assert process.end() == 0
    made.close()


def test_ticks_follow_the_pictures(rig):
    rig.until(lambda: rig.value('drive', 'phase_locked') == 'True', what='phase lock')
    begin = len(rig.commands)
    rig.until(lambda: len(rig.commands) > begin + 60)
    stamps = [stamp for stamp, _, _ in rig.commands[begin + 1:]]
    steps = [round((b - a) / (4 * CLOCK_PERIOD_NS)) for a, b in pairwise(stamps)]
    assert steps.count(1) > 0.8 * len(steps)


def test_a_clock_that_stands_still_stops_the_car(rig):
    deadline = ros_rig.time.monotonic() + ros_rig.PATIENCE_S
    while not (rig.commands[-1][1:] == (0.0, 0.0) and '/clock stands still' in rig.said('drive')):
        assert ros_rig.time.monotonic() < deadline
        rig.receive()
    rig.until_driving()
    rig.until(lambda: '/clock stands still' in rig.value('drive', 'last_stop'), what='a stop that was noted')


@pytest.mark.parametrize('jump_s', [-900, 50])
def test_after_a_jump_of_the_clock_the_car_drives_on_in_the_new_time(rig, jump_s):
    rig.until_driving()
    rig.time_ns += jump_s * 10 ** 9
    rig.until_driving()
    count = len(rig.commands)
    rig.until(lambda: rig.commands[-1][0] >= rig.time_ns - 2 * 10 ** 9 and len(rig.commands) > count)
