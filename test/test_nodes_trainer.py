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

import json
import math
import signal

import pytest

pytest.importorskip('rclpy')

import rclpy  # noqa: E402
import ros_rig  # noqa: E402
from geometry_msgs.msg import TwistStamped  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402
from rcl_interfaces.srv import SetParameters  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from liquid_control.policy.policy_file import load_policy, sha256_of  # noqa: E402
from liquid_control.recording.sample_bag import count_samples, read_new  # noqa: E402
from liquid_control.simulation.track_spec import load_track  # noqa: E402

TRAINER, DRIVE, SIMULATOR = (f'liquid_control.nodes.{name}' for name in ('trainer', 'drive', 'simulator'))
DOMAIN = ros_rig.own_domain()
LATCHED = rclpy.qos.QoSProfile(depth=1, durability=rclpy.qos.DurabilityPolicy.TRANSIENT_LOCAL)


class Stand(ros_rig.Rig):
    """A rig that also hears the trainer's commands and states, and says where the car is, on the track it was sent to.

    :ivar told: (stamp in ns, speed, yaw rate) of every command of the expert.
    """

    def __init__(self, domain):
        super().__init__(domain)
        self.told, self.states, self.lost = [], [], False
        self._odometry = self.node.create_publisher(Odometry, 'odom', 10)
        self.node.create_subscription(TwistStamped, 'cmd_vel_teleop', self._hear_expert, 100)
        self.node.create_subscription(
            String, 'trainer/state', lambda message: self.states.append(message.data), LATCHED)
        self.simulator = rclpy.create_node('simulator', context=self._context)
        self.simulator.declare_parameter('track', 'random:1')
        self._executor.add_node(self.simulator)

    def publish(self, message):
        super().publish(message)
        if self.lost:
            return
        x, y, yaw = load_track(self.simulator.get_parameter('track').value).pose(0.0, 0.1)
        odometry = Odometry(header=message.header)
        odometry.pose.pose.position.x, odometry.pose.pose.position.y = x, y
        odometry.pose.pose.orientation.z, odometry.pose.pose.orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)
        self._odometry.publish(odometry)

    def _hear_expert(self, message):
        stamp = message.header.stamp
        self.told.append((stamp.sec * 10 ** 9 + stamp.nanosec, message.twist.linear.x, message.twist.angular.z))

    def ask(self, service):
        return self.call(Trigger, f'/trainer/{service}', Trigger.Request())

    def wait(self, seconds):
        end = ros_rig.time.monotonic() + seconds
        self.until(lambda: ros_rig.time.monotonic() > end)

    def tune(self, name, value):
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        result = self.call(SetParameters, '/trainer/set_parameters', request).results[0]
        return result.successful, result.reason


@pytest.fixture
def stand():
    made = Stand(DOMAIN)
    yield made
    made.close()


def test_the_expert_drives_by_what_it_sees_and_only_while_it_may(stand, tmp_path):
    trainer = ros_rig.Process(TRAINER, DOMAIN, {
        'folder': tmp_path, 'autostart': 'false', 'tracks': "['random:300007']", 'trial_tracks': "['random:990001']",
        'first_collect_s': 1000.0, 'visit_s': 1000.0, 'push_rad': 0.0})
    try:
        stand.until(lambda: stand.states == ['idle'], what='idle')
        stand.until(lambda: 'call ~/start' in stand.said('trainer'), what='what to do')
        assert not stand.told
        assert stand.ask('start').success
        stand.until(lambda: len(stand.told) > 30, what='commands')
        stamp, speed, yaw_rate = stand.told[-1]
        assert stamp in stand.stamps and speed == pytest.approx(2.1) and stand.states == ['idle', 'collect']
        # The car is to the left of the middle, so the expert steers more to the right than in the middle of the road.
        assert stand.simulator.get_parameter('track').value == 'random:300007'
        assert stand.tune('rounds', 3) == (True, '') and not stand.tune('folder', 'x')[0]
        assert 'range' in stand.tune('trial_s', 0.5)[1] and not stand.tune('teacher', 'human')[0]
        stand.until(lambda: int(stand.value('trainer', 'samples') or 0) > 20, what='samples')
        stand.until(lambda: 'waits: no drive node' in stand.said('trainer'), what='the missing drive node')

        stand.lost = True
        stand.until(lambda: stand.stamps[-1] - stand.told[-1][0] > 1e9, what='silence without odometry')
        stand.lost = False
        stand.until(lambda: stand.stamps[-1] - stand.told[-1][0] < 3e8, what='commands again')

        assert stand.ask('pause').success and not stand.ask('pause').success
        stand.until(lambda: stand.stamps[-1] - stand.told[-1][0] > 1e9, what='silence while paused')
        assert 'samples in' in stand.ask('save').message and stand.states[-1] == 'paused'
        samples = count_samples(tmp_path / 'bags').samples
        assert samples > 20 and json.loads((tmp_path / 'report.json').read_text())['samples'] == samples
        assert trainer.end(signal.SIGTERM) == 0 and 'Traceback' not in trainer.log
    finally:
        trainer.end()


BAD = (
    ({'teacher': 'robot'}, "teacher = 'robot' is not one of expert, human, bag"),
    ({'learn': 'fptt'}, "learn = 'fptt' goes on from a policy"),
    ({'tracks': "['random:1000000']"}, "track 'random:1000000' is for evaluation"))


def test_what_cannot_be_used_is_one_line_and_exit_code_2(tmp_path):
    trainers = [ros_rig.Process(TRAINER, DOMAIN, {'folder': tmp_path / str(number)} | parameters)
                for number, (parameters, _) in enumerate(BAD)]
    for trainer, (_, words) in zip(trainers, BAD):
        assert trainer.wait() == 2
        assert len(trainer.log.splitlines()) == 1 and words in trainer.log


class Onlooker(Stand):
    """A rig that only listens, to a simulator and a drive node of their own."""

    def __init__(self, domain):
        super().__init__(domain)
        self._executor.remove_node(self.simulator)
        self.simulator.destroy_node()

    def play(self, picture=None, imu=True):
        self._executor.spin_once(timeout_sec=0.02)


def test_a_round_with_real_nodes_and_a_kill(tmp_path):
    onlooker = Onlooker(DOMAIN)
    parameters = {
        'folder': tmp_path, 'use_sim_time': 'true', 'tracks': "['random:300007']", 'rounds': 2,
        'trial_tracks': "['random:990001']", 'first_collect_s': 3.0, 'collect_s': 30.0, 'learn_s': 2.0, 'trial_s': 2.0}
    simulator = ros_rig.Process(SIMULATOR, DOMAIN, {'track': 'random:300007'})
    drive = ros_rig.Process(DRIVE, DOMAIN, {
        'autostart': 'true', 'use_sim_time': 'true', 'camera_timeout_s': 1.0, 'imu_timeout_s': 1.0})
    trainer = ros_rig.Process(TRAINER, DOMAIN, parameters)
    try:
        onlooker.until(lambda: onlooker.states[-4:] == ['collect', 'learn', 'try', 'collect'], what='a round')
        best = tmp_path / 'best.safetensors'
        load_policy(best)
        onlooker.until(lambda: onlooker.value('drive', 'policy_sha256') == sha256_of(best), what='the swap')
        judged = int(onlooker.value('trainer', 'samples'))
        onlooker.until(lambda: int(onlooker.value('trainer', 'samples')) > judged + 30, what='samples')
        trainer.end(signal.SIGKILL)
        written = [sample.number for bag in sorted((tmp_path / 'bags').iterdir()) for sample in read_new(bag, 0)]
        assert len(written) > judged + 30 and written == list(range(1, len(written) + 1))

        onlooker.states.clear()
        trainer = ros_rig.Process(TRAINER, DOMAIN, parameters | {'rounds': 1})
        onlooker.until(lambda: onlooker.states[-1:] == ['done'], what='the end of an old loop')
        told = 'round', 'samples'  # not what the killed one told last
        onlooker.until(lambda: [onlooker.value('trainer', key) for key in told] == ['2', str(len(written))], what='it')
        onlooker.until(lambda: onlooker.value('drive', 'policy_sha256') == sha256_of(best), what='the best policy')
        assert trainer.end() == 0 and 'samples in' in trainer.log
        report = json.loads((tmp_path / 'report.json').read_text())
        assert report['samples'] == count_samples(tmp_path / 'bags').samples == len(written)
        assert len(report['rounds']) == 1 and report['rounds'][0]['kept'] and report['sessions'] == 2
    finally:
        for process in trainer, drive, simulator:
            process.end()
        onlooker.close()
