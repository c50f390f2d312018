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

"""The checks before a drive, on observations made up here."""
from dataclasses import replace

import numpy as np
import pytest

from liquid_control.errors import InputError
from liquid_control.policy.spec import PolicySpec
from liquid_control.readiness.checklist import check_all
from liquid_control.readiness.finding import Level
from liquid_control.readiness.observation import DriveNode, Endpoint, LoadedPolicy, Observation, Settings, Stream, Topic
from liquid_control.readiness.params_file import read_params
from liquid_control.share import share_path

NOW = 1_800_000_000.0
SPEC = PolicySpec(cell='gru', wiring=None)
DRIVER, TWIST = '/drive', 'geometry_msgs/msg/TwistStamped'


def stream(rate_hz: float, count: int = 60, delay_s: float = 0.01) -> Stream:
    made = Stream()
    for index in range(count):
        sent = NOW + index / rate_hz
        made.add(sent, sent + 0.002, sent - NOW, sent + 0.002 - delay_s)
    return made


def topic(name: str, kind: str, publisher: str = '', subscriber: str = '') -> Topic:
    return Topic(name, kind, (Endpoint(publisher, kind),) if publisher else (),
                 (Endpoint(subscriber, kind),) if subscriber else ())


def healthy() -> Observation:
    """Return a car that stands, with a drive node that drives it in a moment."""
    samples = np.tile([0.0, 0.0, 0.01, 0.0, 0.1, 9.8], (200, 1))
    return Observation(
        simulated=False, settings=Settings('p.safetensors', '', 30.0, 0.1, 0.1, 'twist_stamped'),
        camera_topic=topic('/camera/image_raw', 'sensor_msgs/msg/Image', '/v4l2_camera'),
        imu_topic=topic('/imu/data_raw', 'sensor_msgs/msg/Imu', '/bno055'),
        command_topic=topic('/cmd_vel', TWIST, DRIVER, '/chassis'),
        teleop_topic=topic('/cmd_vel_teleop', TWIST, '/teleop_twist_joy_node'),
        clock_topic=topic('/clock', 'rosgraph_msgs/msg/Clock'),
        drive=DriveNode(DRIVER, 'driving', '', {'receipt_to_command_p50_ms': '1.7'}),
        policy=LoadedPolicy(SPEC, 'ab' * 32, (0.001,) * 10), camera=stream(30.0),
        picture=np.tile(np.arange(192, dtype=np.uint8)[None, :, None], (144, 1, 3)), encoding='rgb8',
        imu=stream(100.0, 200), samples=samples, commands=stream(30.0), speeds_mps=[0.0] * 60)


def wrong(seen: Observation) -> dict[str, str]:
    findings = check_all(seen)
    assert all(finding.remedy for finding in findings if finding.level is Level.WRONG)
    return {finding.check: f'{finding.said}; {finding.remedy}' for finding in findings if finding.level is Level.WRONG}


def with_accel(*accel: float, moving: bool = False, gyro: float = 0.0) -> dict:
    samples = np.tile([0.0, 0.0, gyro, *accel], (200, 1))
    return {'samples': samples} | ({'speeds_mps': [2.0] * 60} if moving else {})


def simulated(publisher: str, *times: float) -> dict:
    return {'simulated': True, 'clock_topic': topic('/clock', 'rosgraph_msgs/msg/Clock', publisher),
            'clock': [(NOW + index, time) for index, time in enumerate(times)]}


def test_nothing_is_wrong_with_a_healthy_car():
    assert {finding.level for finding in check_all(healthy())} == {Level.OK}


def test_a_car_without_its_drive_node_can_be_checked_too():
    seen = replace(healthy(), drive=None, commands=Stream(), speeds_mps=[])
    seen.command_topic = topic('/cmd_vel', TWIST, '', '/chassis')
    assert wrong(seen) == {}


FAULTS = {
    'no camera': ({'camera_topic': replace(healthy().camera_topic, publishers=(), alike=('/front/image_raw',)),
                   'camera': Stream(), 'picture': None}, {'camera': '/front/image_raw'}),
    'silent camera': ({'camera': Stream(), 'picture': None}, {'camera': 'nothing arrives'}),
    'two cameras': ({'camera_topic': replace(healthy().camera_topic, publishers=(
        Endpoint('/a', 'sensor_msgs/msg/Image'), Endpoint('/b', 'sensor_msgs/msg/Image')))}, {'camera': '/a, /b'}),
    'wrong encoding': ({'picture': None, 'picture_troubles': ("picture encoding 'h264' is unknown",)},
                       {'picture': 'h264'}),
    'cap on the lens': ({'picture': np.zeros((144, 192, 3), np.uint8)}, {'picture': 'uniform'}),
    '12 Hz': ({'camera': stream(12.0)}, {'camera rate': '12.0 Hz'}),
    'IMU slower than control': ({'imu': stream(20.0)}, {'IMU rate': '20.0 Hz'}),
    'old pictures': ({'camera': stream(30.0, delay_s=0.4)}, {'camera stamps': '0.4 s old'}),
    'future pictures': ({'camera': stream(30.0, delay_s=-5.0)}, {'camera stamps': 'in the future'}),
    'other clock': ({'camera': stream(30.0, delay_s=NOW), 'clock': [(NOW, 5.0)]}, {'camera stamps': 'use_sim_time'}),
    'upside down': (with_accel(0.1, 0.0, -9.8), {'IMU axes': 'upside down'}),
    'upside down, driving': (with_accel(0.1, 5.0, -9.8, moving=True), {'IMU axes': 'upside down'}),
    'on its side': (with_accel(0.0, -9.8, 0.2), {'IMU axes': 'gravity is on -y'}),
    'on its side, driving': (with_accel(0.0, -9.8, 0.2, moving=True), {'IMU axes': 'another axis'}),
    'in g': (with_accel(0.0, 0.0, 1.0), {'IMU axes': 'units of g'}),
    'gravity removed': (with_accel(0.0, 0.0, 0.02), {'IMU axes': 'removed'}),
    'tilted': (with_accel(9.81 * 0.5, 0.0, 9.81 * 0.866), {'IMU axes': 'tilted by 30'}),
    'degrees': (with_accel(0.0, 0.0, 9.8, gyro=2.0), {'IMU axes': 'rad/s'}),
    'other proportions': ({'picture': np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (144, 1, 3))},
                          {'policy and picture': 'squeezed by 1.33'}),
    'other size': ({'policy': LoadedPolicy(replace(SPEC, head='donkey'), '')}, {'policy and picture': '160 x 120'}),
    'other camera than recorded': ({'policy': LoadedPolicy(replace(SPEC, training={'picture': [90, 160]}), '')},
                                   {'policy and picture': '160 x 90'}),
    'no policy': ({'policy': None, 'policy_trouble': 'is not a file'}, {'policy': 'is not a file'}),
    'other rate': ({'settings': replace(healthy().settings, control_rate_hz=15.0), 'commands': stream(15.0)},
                   {'policy and rate': 'control_rate_hz to 30'}),
    'slow policy': ({'drive': replace(healthy().drive, values={'receipt_to_command_p50_ms': '28'})},
                    {'time per step': '28.0 ms'}),
    'no chassis': ({'command_topic': topic('/cmd_vel', TWIST, DRIVER)}, {'chassis': 'nobody takes'}),
    'chassis of another type': ({'command_topic': replace(healthy().command_topic, subscribers=(
        Endpoint('/chassis', 'geometry_msgs/msg/Twist'),))}, {'chassis': 'command_type'}),
    'chassis of another QoS': ({'command_topic': replace(healthy().command_topic, subscribers=(
        Endpoint('/chassis', TWIST, 'Volatile publisher'),))}, {'chassis': 'reliable, volatile'}),
    'joystick that is not heard': ({'teleop_topic': replace(healthy().teleop_topic, publishers=(
        Endpoint('/joy', TWIST, 'Best effort publisher'),))}, {'teleop': 'asks for: reliable'}),
    'two publishers': ({'command_topic': replace(healthy().command_topic, publishers=(
        Endpoint(DRIVER, TWIST), Endpoint('/nav', TWIST)))}, {'command publishers': '/nav'}),
    'two drive nodes': ({'command_topic': replace(healthy().command_topic, publishers=(
        Endpoint(DRIVER, TWIST),) * 2)}, {'command publishers': 'namespace'}),
    'few commands': ({'commands': stream(10.0)}, {'commands': '10.0 Hz'}),
    'no commands': ({'commands': Stream(), 'speeds_mps': []}, {'commands': 'command_type'}),
    'stopped': ({'drive': replace(healthy().drive, state='stopped', reason='IMU is stale')},
                {'drive node': 'IMU is stale'}),
    'no clock': (simulated('', *()) | {'drive': None}, {'clock': 'nobody publishes /clock'}),
    'clock stands still': (simulated('/sim', 5.0, 5.0) | {'drive': None}, {'clock': 'does not run'}),
    'clock jumps back': (simulated('/sim', 5.0, 6.0, 1.0, 2.0) | {'drive': None}, {'clock': 'steps back'}),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_each_fault_is_found(fault):
    changes, expected = FAULTS[fault]
    found = wrong(replace(healthy(), **changes))
    for check, part in expected.items():
        assert part in found.pop(check)
    # Without a clock, what is stamped with another one is wrong as well.
    assert set(found) <= ({'camera stamps', 'IMU stamps', 'command publishers'} if 'clock' in fault else set())


def test_parameters_are_taken_as_ros_does(tmp_path):
    file = tmp_path / 'p.yaml'
    file.write_text('/**:\n  ros__parameters: {policy: a, control_rate_hz: 20}\n'
                    'drive:\n  ros__parameters: {policy: b}\n/*/drive:\n  ros__parameters: {policy: c}\n'
                    'car2:\n  drive:\n    ros__parameters: {policy: d}\n/**/camera:\n  ros__parameters: {policy: e}\n')
    taken = {node: read_params(file, node)['policy'] for node in ('/drive', '/car1/drive', '/car2/drive', '/a/b/drive')}
    assert taken == {'/drive': 'b', '/car1/drive': 'c', '/car2/drive': 'd', '/a/b/drive': 'a'}
    assert read_params(file, '/a/camera') == {'policy': 'e', 'control_rate_hz': 20}
    assert read_params(share_path('config/drive.yaml'), '/drive')['command_type'] == 'twist_stamped'
    for content in '[1, 2]', 'a: [':
        file.write_text(content)
        with pytest.raises(InputError, match='parameters file'):
            read_params(file, '/drive')
    with pytest.raises(InputError, match='cannot be read'):
        read_params(tmp_path / 'missing.yaml', '/drive')
