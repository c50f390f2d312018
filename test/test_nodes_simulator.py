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

"""The simulator node as a process, and the drive node driving in it."""
import signal
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip('rclpy')

import ros_rig  # noqa: E402
from geometry_msgs.msg import TwistStamped  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, Imu  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from liquid_control.learning.simulated import new_policy  # noqa: E402
from liquid_control.policy.policy_file import save_policy  # noqa: E402
from liquid_control.simulation.track_spec import load_track  # noqa: E402

SIMULATOR, DRIVE = 'liquid_control.nodes.simulator', 'liquid_control.nodes.drive'
DOMAIN = ros_rig.own_domain()


class Listener(ros_rig.Rig):
    """A rig that gives no sensor data but hears the simulator's."""

    def __init__(self, domain):
        super().__init__(domain)
        self.heard = {}
        for kind, topic in ((Image, 'camera/image_raw'), (CameraInfo, 'camera/camera_info'), (Imu, 'imu/data_raw'),
                            (Odometry, 'odom'), (Clock, '/clock')):
            self.heard[topic] = []
            self.node.create_subscription(kind, topic, self.heard[topic].append, ros_rig.qos_profile_sensor_data)
        self.car = self.node.create_publisher(TwistStamped, 'cmd_vel', 1)

    def play(self, picture=None, imu=True):
        self._executor.spin_once(timeout_sec=0.01)

    def tell(self, speed, yaw_rate=0.0):
        command = TwistStamped()
        command.twist.linear.x, command.twist.angular.z = speed, yaw_rate
        self.car.publish(command)

    @property
    def speed(self):
        return self.heard['odom'][-1].twist.twist.linear.x

    @property
    def place(self):
        return self.heard['odom'][-1].pose.pose.position


@pytest.fixture
def listener():
    made = Listener(DOMAIN)
    yield made
    made.close()


def seconds(time):
    return time.sec + 1e-9 * time.nanosec


def stamp_of(message):
    return seconds(message.header.stamp)


def test_the_simulator_senses_and_obeys_and_ends_well(listener):
    process = ros_rig.Process(
        SIMULATOR, DOMAIN, {'track': 'random:7', 'road_width_m': 1.5, 'centre_line': 'solid', 'seed': 3})
    heard = listener.heard
    try:
        listener.until(lambda: len(heard['camera/image_raw']) > 30 and len(heard['odom']) > 30, what='pictures')
        start = load_track('random:7').pose(0.0)
        assert (listener.place.x, listener.place.y) == pytest.approx(start[:2], abs=0.01)
        image, info, imu = heard['camera/image_raw'][-1], heard['camera/camera_info'][-1], heard['imu/data_raw'][-1]
        assert (image.encoding, image.width, image.height) == ('rgb8', 192, 144)
        assert image.header.frame_id == 'camera_optical_frame'
        assert len(image.data) == image.step * image.height and len(set(image.data)) > 5
        assert (info.width, info.height) == (192, 144) and info.k[0] == pytest.approx(info.p[0]) and info.k[0] > 0.0
        assert imu.header.frame_id == 'imu_link' and imu.linear_acceleration.z == pytest.approx(9.81, abs=1.0)
        assert imu.angular_velocity_covariance[0] == pytest.approx(1e-4) and imu.orientation_covariance[0] == -1.0
        stamps = [stamp_of(message) for message in heard['camera/image_raw']]
        standing = np.array([message.data for message in heard['camera/image_raw'][:10]], dtype=float)
        assert 0.3 < np.abs(np.diff(standing, axis=0)).mean() < 3.0, 'as of a real camera, no two pictures are the same'
        assert min(b - a for a, b in pairwise(stamps)) == pytest.approx(1.0 / 30.0, abs=1e-6)
        assert heard['odom'][-1].child_frame_id == 'base_link' and heard['odom'][-1].header.frame_id == 'odom'
        for _ in range(1000):
            listener.tell(1.5, 0.5)
            listener.play()
            if listener.speed > 1.0 and len(heard['odom']) > 90:
                break
        assert listener.speed > 1.0
        listener.until(lambda: abs(listener.speed) < 0.05, what='the command timeout to stop the car')
        assert listener.call(Trigger, '/simulator/reset', Trigger.Request()).success
        listener.until(lambda: (listener.place.x, listener.place.y) == pytest.approx(start[:2], abs=0.05), what='reset')
        clocks = [clock.clock.sec + 1e-9 * clock.clock.nanosec for clock in heard['/clock']]
        assert clocks == sorted(clocks)
        assert process.end(signal.SIGTERM) == 0 and 'Traceback' not in process.log
    finally:
        process.end()


def test_another_track_is_driven_on_as_soon_as_it_is_set(listener):
    simulator = ros_rig.Process(SIMULATOR, DOMAIN, {'track': 'random:7'})
    pictures = listener.heard['camera/image_raw']
    try:
        listener.until(lambda: pictures, what='a picture')
        for value, words in (('random:x', 'random:x'), ('/no/track.csv', '/no/track.csv')):
            successful, reason = listener.set_parameter('track', value, 'simulator')
            assert not successful and words in reason
        successful, reason = listener.set_parameter('camera_rate_hz', 10.0, 'simulator')
        assert not successful and 'camera_rate_hz can only change' in reason
        listener.until(lambda: (listener.tell(1.5), listener.speed > 1.0)[1], what='a moving car')
        before = seconds(listener.heard['/clock'][-1].clock)
        assert listener.set_parameter('track', 'random:8', 'simulator') == (True, '')
        start = load_track('random:8').pose(0.0, 0.0)

        def at_the_start():
            listener.tell(0.0)
            return (listener.place.x, listener.place.y) == pytest.approx(start[:2], abs=0.02)
        listener.until(at_the_start, what='the start of the other track')
        listener.until(lambda: (listener.tell(1.5), listener.speed > 1.0)[1], what='a moving car on the other track')
        assert listener.set_parameter('track', 'random:8', 'simulator') == (True, '')
        listener.until(at_the_start, what='the start of the same track')
        listener.until(lambda: abs(listener.speed) < 0.05, what='a standing car')
        seen = len(pictures)
        listener.until(lambda: len(pictures) > seen + 2, what='more pictures')
        assert seconds(listener.heard['/clock'][-1].clock) > before > 0.0
        assert len(set(bytes(pictures[-1].data))) > 6, 'the picture shows neither sky, ground, road nor lines'
        assert simulator.end() == 0
    finally:
        simulator.end()


def test_a_simulator_that_cannot_keep_its_pace_obeys_nevertheless(listener):
    simulator = ros_rig.Process(SIMULATOR, DOMAIN, {'track': 'random:7', 'real_time_factor': 100.0})
    try:
        listener.until(lambda: float(listener.value('simulator', 'lost_s') or 0.0) > 1.0, what='a late simulator')
        listener.until(lambda: (listener.tell(1.5), listener.speed > 1.0)[1], what='a moving car')
        assert simulator.end() == 0
    finally:
        simulator.end()


@pytest.mark.parametrize(('parameters', 'words'), [
    ({'track': 'random:x'}, "track 'random:x' needs a whole number"),
    ({'track': '/nowhere.csv'}, "track '/nowhere.csv' cannot be read"),
    ({'friction': '99.0'}, 'friction = 99 is outside 0.01 to 10')])
def test_what_cannot_be_simulated_is_one_line_and_exit_code_2(parameters, words):
    process = ros_rig.Process(SIMULATOR, DOMAIN, parameters)
    assert process.wait() == 2
    assert len(process.log.splitlines()) == 1 and words in process.log


def test_the_drive_node_moves_the_car_in_the_simulator(listener, tmp_path):
    save_policy(new_policy('ltc', 'small', 0), tmp_path / 'p.safetensors')
    simulator = ros_rig.Process(SIMULATOR, DOMAIN, {'track': 'random:7'})
    drive = ros_rig.Process(DRIVE, DOMAIN, {
        'policy': tmp_path / 'p.safetensors', 'autostart': 'true', 'use_sim_time': 'true', 'camera_timeout_s': 0.5,
        'imu_timeout_s': 0.5})
    try:
        listener.until(lambda: listener.heard['odom'] and listener.speed > 1.5, what='the car to move')
        listener.until(lambda: listener.value('drive', 'phase_locked') == 'True', what='phase lock')
        listener.until(  # the first pictures may have been answered before this subscription was matched
            lambda: stamp_of(listener.last) in {stamp_of(message) for message in listener.heard['camera/image_raw']},
            what='a command that carries the stamp of its picture')
        listener.until(
            lambda: listener.value('simulator', 'picture_to_command_p50_ms') not in ('', 'nan'), what='a latency')
        assert drive.end() == 0
        listener.until(lambda: abs(listener.speed) < 0.05, what='the car to stand')
    finally:
        drive.end()
        assert simulator.end() == 0
