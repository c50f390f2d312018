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

"""The doctor with real nodes over DDS: each fault is found, and nothing is wrong when nothing is."""
import array
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

pytest.importorskip('rclpy')

import numpy as np  # noqa: E402
import rclpy  # noqa: E402
import ros_rig  # noqa: E402
from geometry_msgs.msg import TwistStamped  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import Image, Imu  # noqa: E402

from liquid_control.cli import main  # noqa: E402
from liquid_control.nodes.doctor import Doctor, settings_of  # noqa: E402
from liquid_control.policy.policy_file import load_policy  # noqa: E402
from liquid_control.readiness.checklist import check_all  # noqa: E402
from liquid_control.readiness.finding import Level  # noqa: E402
from liquid_control.readiness.observation import LoadedPolicy  # noqa: E402

DOMAIN, CLI_DOMAIN = ros_rig.own_domain(), ros_rig.own_domain()
SECONDS = 2.0
SPEC = load_policy(ros_rig.ROOT / 'models' / 'ncp19.safetensors').spec
TRANSIENT = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class Car:
    """Camera, IMU, joystick and chassis of a car in a namespace of its own, while the body runs."""

    def __init__(self, context, namespace: str, camera_hz: float = 30.0, encoding: str = 'rgb8', up: float = 1.0,
                 chassis: QoSProfile = QoSProfile(depth=1), joystick: QoSProfile = QoSProfile(depth=1),  # noqa: B008
                 rival: bool = False, clock: bool = False) -> None:
        self.node = rclpy.create_node('car', context=context, namespace=namespace)
        self._camera_hz, self._encoding, self._up = camera_hz, encoding, up
        self._images = self.node.create_publisher(Image, 'camera/image_raw', qos_profile_sensor_data)
        self._imus = self.node.create_publisher(Imu, 'imu/data_raw', qos_profile_sensor_data)
        self.node.create_subscription(TwistStamped, 'cmd_vel', lambda _: None, chassis)
        self.node.create_publisher(TwistStamped, 'cmd_vel_teleop', joystick)
        if rival:
            self.node.create_publisher(TwistStamped, 'cmd_vel', 1)
        self._clock = self.node.create_publisher(Clock, '/clock', 1) if clock else None
        if not camera_hz:
            self.node.destroy_publisher(self._images)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._publish)

    def __enter__(self) -> 'Car':
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._thread.join()
        self.node.destroy_node()

    def _publish(self) -> None:
        rng, picture_s, imu_s = np.random.default_rng(0), time.monotonic(), time.monotonic()
        while not self._ended.wait(0.002):
            now = time.monotonic()
            if self._camera_hz and now >= picture_s:
                picture_s += 1.0 / self._camera_hz
                message = Image(height=144, width=192, encoding=self._encoding, step=3 * 192)
                message.data = array.array('B', rng.integers(0, 256, 3 * 144 * 192, dtype=np.uint8).tobytes())
                self._stamp(message)
                self._images.publish(message)
            if now >= imu_s:
                imu_s += 0.01
                sample = Imu()
                sample.linear_acceleration.z = 9.81 * self._up
                self._stamp(sample)
                self._imus.publish(sample)
            if self._clock is not None:
                self._clock.publish(Clock())  # of a simulation that is paused

    @staticmethod
    def _stamp(message) -> None:
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), 10 ** 9)


@pytest.fixture(scope='module')
def context():
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    rclpy.init(domain_id=DOMAIN)  # the doctor lives in the default context
    yield rclpy.get_default_context()
    rclpy.shutdown()


def wrong(context, namespace: str, spec=SPEC, simulated=None, **fault) -> dict[str, str]:
    """Return what is wrong with a car that has a fault, check -> line."""
    with Car(context, namespace, **fault):
        doctor = Doctor(namespace, {})
        given = replace(settings_of(None, namespace), camera_timeout_s=1.0, imu_timeout_s=1.0)
        seen = doctor.observe(SECONDS, given, simulated, 0.0 if fault.get('camera_hz') == 0.0 else 10.0)
        doctor.destroy_node()
    seen.policy = LoadedPolicy(spec, '', (0.001,))
    return {finding.check: finding.said for finding in check_all(seen) if finding.level is Level.WRONG}


def test_nothing_is_wrong_with_a_healthy_car(context):
    assert wrong(context, 'healthy') == {}


@pytest.mark.parametrize(('check', 'said', 'fault'), [
    ('camera', 'nobody publishes', {'camera_hz': 0.0}),
    ('picture', "'h264' is unknown", {'encoding': 'h264'}),
    ('chassis', 'QoS of /faulty/car', {'chassis': TRANSIENT}),
    ('teleop', 'QoS of /faulty/car', {'joystick': BEST_EFFORT}),
    ('IMU axes', 'upside down', {'up': -1.0}),
    ('policy and picture', 'it was made for 160 x 120', {'spec': replace(SPEC, head='donkey')}),
    ('command publishers', '/faulty/car publishes /faulty/cmd_vel', {'rival': True}),
    ('camera rate', 'Hz, the control rate is 30 Hz', {'camera_hz': 12.0}),
    ('clock', 'nobody publishes /clock', {'simulated': True}),
    ('clock', 'does not run', {'simulated': True, 'clock': True}),
])
def test_each_fault_is_found(context, check, said, fault):
    found = wrong(context, 'faulty', **fault)
    assert said in found.pop(check)
    assert set(found) <= ({'camera stamps', 'IMU stamps'} if check == 'clock' else set())


def doctor(*arguments: object, domain: int = CLI_DOMAIN) -> subprocess.CompletedProcess:
    environment = os.environ | {'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    return subprocess.run([sys.executable, '-m', 'liquid_control', 'doctor', *map(str, arguments)], cwd=ros_rig.ROOT,
                          capture_output=True, text=True, env=environment)


def test_before_and_beside_a_drive_in_the_simulator(tmp_path):
    params = tmp_path / 'drive.yaml'
    params.write_text('/**:\n  ros__parameters:\n    camera_timeout_s: 1.0\n    imu_timeout_s: 1.0\n')
    simulator = ros_rig.Process('liquid_control.nodes.simulator', CLI_DOMAIN, {})
    drive = None
    try:
        ready(simulator, 'random:')
        before = doctor('--params', params, '--seconds', 3, '--json', tmp_path / 'before.json')
        assert before.returncode == 0, before.stdout + before.stderr
        checks = json.loads((tmp_path / 'before.json').read_text())['checks']
        skipped = [check['check'] for check in checks if check['level'] == 'skipped']
        assert skipped == ['drive node', 'commands']
        drive = ros_rig.Process('liquid_control.nodes.drive', CLI_DOMAIN, {
            'use_sim_time': 'true', 'autostart': 'true', 'camera_timeout_s': 1.0, 'imu_timeout_s': 1.0})
        ready(drive, ': driving')
        beside = doctor('--seconds', 3)
        assert beside.returncode == 0, beside.stdout + beside.stderr
        assert 'nothing is wrong (18 ok, 0 could not be checked)' in beside.stdout
    finally:
        codes = [process.end() for process in (drive, simulator) if process is not None]
    assert codes == [0, 0]


def ready(process: ros_rig.Process, line: str) -> None:
    limit = time.monotonic() + ros_rig.PATIENCE_S
    while line not in process.log:
        assert process.running and time.monotonic() < limit, process.log
        time.sleep(0.1)


@pytest.mark.parametrize(('arguments', 'part'), [
    (('--seconds', '0'), '--seconds 0 is outside'),
    (('--namespace', 'a b'), "namespace 'a b'"),
    (('--image-topic', 'a b'), 'a topic cannot be used'),
    (('--params', 'missing.yaml'), "'missing.yaml' cannot be read"),
])
def test_bad_usage_is_one_line_and_code_2(arguments, part, capsys):
    assert main(['doctor', *arguments]) == 2
    errors = capsys.readouterr().err
    assert part in errors and errors.count('\n') == 1
