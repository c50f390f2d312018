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

"""The drive node as a process, over DDS, on the steady clock."""
import math
import shutil
import signal

import pytest

pytest.importorskip('rclpy')

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import ros_rig  # noqa: E402
from geometry_msgs.msg import Twist, TwistStamped  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from rcl_interfaces.srv import SetParametersAtomically  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import CompressedImage  # noqa: E402
from std_msgs.msg import Empty, Float32MultiArray  # noqa: E402
from std_srvs.srv import SetBool  # noqa: E402

from liquid_control.evaluation.faults import policies  # noqa: E402
from liquid_control.learning.simulated import new_policy  # noqa: E402
from liquid_control.nodes.drive_settings import drive_settings  # noqa: E402
from liquid_control.nodes.neurons_message import rows_of  # noqa: E402
from liquid_control.policy.policy_file import save_policy  # noqa: E402

DRIVE = 'liquid_control.nodes.drive'
RAISING = 'liquid_control.nodes.faults.raising'
DOMAIN, OTHER_DOMAIN = ros_rig.own_domain(), ros_rig.own_domain()
TIMEOUTS = {'camera_timeout_s': 0.5, 'imu_timeout_s': 0.5}
CONFIGURE, CLEAN_UP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4


@pytest.fixture(scope='module')
def policy(tmp_path_factory):
    path = tmp_path_factory.mktemp('policy') / 'p.safetensors'
    save_policy(new_policy('ltc', 'small', 0), path)
    return path


SPEED_MPS = new_policy('ltc', 'small', 0).spec.speed_mps


@pytest.fixture(scope='module')
def drive(policy):
    """One process for many tests: each must leave it driving, or the next one fails."""
    process = ros_rig.Process(RAISING, DOMAIN, {'policy': policy, 'autostart': 'true', **TIMEOUTS})
    yield process
    if process.running:
        process.end()


@pytest.fixture(scope='module')
def rig(drive):
    made = ros_rig.Rig(DOMAIN)
    made.until_driving()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def drives_before_and_after(request):
    if 'rig' not in request.fixturenames:
        yield
        return
    rig = request.getfixturevalue('rig')
    rig.until_driving()
    yield


def moving(rig):
    return [command for command in rig.commands if command[1] > 0.0]


def test_commands_carry_the_stamp_of_their_picture_and_keep_the_limits(rig):
    assert rig.last.header.frame_id == 'base_link'
    answers = moving(rig)
    assert {stamp for stamp, _, _ in answers} <= set(rig.stamps)
    assert all(speed == pytest.approx(SPEED_MPS) for _, speed, _ in answers)
    bound = SPEED_MPS * math.tan(0.42) / 0.33
    assert all(abs(yaw_rate) <= bound + 1e-6 for _, _, yaw_rate in answers)


def test_state_and_time_constant_of_all_nineteen_neurons_come_out(rig):
    got = []
    subscription = rig.node.create_subscription(Float32MultiArray, '/drive/neurons', got.append, 10)
    rig.until(lambda: len(got) >= 3, what='neurons')
    rig.node.destroy_subscription(subscription)
    layout = [(dimension.label, dimension.size, dimension.stride) for dimension in got[-1].layout.dim]
    assert layout == [('quantity', 2, 38), ('neuron', 19, 19)] and len(got[-1].data) == 38
    state, time_constant = rows_of(got[-1])
    assert (time_constant > 0.0).all() and (time_constant < 1.0).all()
    assert state.tolist() != rows_of(got[-2])[0].tolist()
    assert time_constant.tolist() != rows_of(got[-2])[1].tolist()


@pytest.mark.parametrize(('encoding', 'bytes_per_pixel', 'rows'), [
    ('bgr8', 3, 48), ('rgba8', 4, 48), ('mono8', 1, 48), ('yuv422', 2, 48), ('yuv422_yuy2', 2, 48), ('nv12', 1, 72),
    ('bayer_rggb8', 1, 48)])
def test_pictures_of_other_encodings_are_answered(rig, encoding, bytes_per_pixel, rows):
    rig.until_answered(lambda: rig.picture(encoding, bytes_per_pixel, rows))


def test_compressed_pictures_are_answered_when_there_are_no_others(rig):
    rig.node.destroy_publisher(rig.images)
    rig.compressed = rig.node.create_publisher(CompressedImage, 'camera/image_raw/compressed', 5)
    rng = np.random.default_rng(1)

    def compressed():
        pixels = cv2.imencode('.jpg', rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))[1]
        return CompressedImage(format='rgb8; jpeg compressed bgr8', data=pixels.tobytes())
    rig.until_answered(compressed)
    rig.node.destroy_publisher(rig.compressed)
    rig.images = rig.node.create_publisher(ros_rig.Image, 'camera/image_raw', ros_rig.qos_profile_sensor_data)


def test_a_camera_that_stops_stops_the_car(rig):
    stale = 'camera is stale: nothing newer than camera_timeout_s = 0.5 s on /camera/image_raw'
    rig.until_standing(stale, lambda: None)


def test_an_imu_that_stops_stops_the_car(rig):
    rig.until_standing('IMU is stale: nothing newer than imu_timeout_s = 0.5 s on /imu/data_raw', imu=False)


def test_an_unknown_encoding_stops_the_car_and_is_named(rig):
    rig.until_standing("picture encoding '32FC1' is unknown; supported: rgb8", lambda: rig.picture('32FC1', 4))


def test_truncated_pictures_stop_the_car(rig):
    rig.until_standing('picture is truncated', lambda: rig.picture(rows=10))


def test_a_frozen_camera_stops_the_car(rig):
    picture = rig.picture()
    rig.until_standing('camera is frozen', lambda: picture)


def test_of_a_flood_of_pictures_only_the_newest_are_answered(rig):
    dropped = int(rig.value('drive', 'pictures_dropped') or 0)

    def flood():
        for _ in range(9):
            rig.publish(rig.picture())
        return rig.picture()
    rig.until(lambda: int(rig.value('drive', 'pictures_dropped') or 0) > dropped + 30, flood, what='dropped pictures')
    rig.until_answered(flood)


def test_a_human_takes_over_and_gives_back(rig):
    human = TwistStamped()
    human.twist.linear.x, human.twist.angular.z = 0.75, 0.5

    def picture():
        rig.human.publish(human)
        return rig.picture()
    rig.until(lambda: rig.commands[-1][1:] == pytest.approx((0.75, 0.5)), picture, what="the human's command")
    rig.until(lambda: 'a human drives' in rig.said('drive'), picture, what='the takeover')


def test_disengaged_the_car_stands_until_engaged(rig):
    assert rig.call(SetBool, '/drive/engage', SetBool.Request(data=False)).success
    rig.until_standing('disengaged')
    assert rig.call(SetBool, '/drive/engage', SetBool.Request(data=True)).message == 'engaged'


def test_every_parameter_is_described_with_its_limits(rig):
    settings = drive_settings()
    shown = rig.describe('drive', [setting.name for setting in settings])
    assert all(descriptor.description for descriptor in shown)
    ranges = [(r.from_value, r.to_value) for descriptor in shown
              for r in (*descriptor.floating_point_range, *descriptor.integer_range)]
    assert ranges == [(setting.low, setting.high) for setting in settings if setting.low is not None]


@pytest.mark.parametrize(('name', 'value', 'words'), [
    ('max_speed_mps', 31.0, 'max_speed_mps'),
    ('control_rate_hz', 6.0, 'control_rate_hz'),
    ('control_rate_hz', 500, 'control_rate_hz = 500 is outside 10 to 100'),
    ('max_steering_rad', float('nan'), 'max_steering_rad'),
    ('max_speed_mps', 'fast', "max_speed_mps = 'fast' is not a float"),
    ('command_type', 'twist', 'command_type can only change while the node is unconfigured')])
def test_a_bad_parameter_is_rejected_with_the_reason(rig, name, value, words):
    successful, reason = rig.set_parameter(name, value)
    assert not successful and words in reason


def test_a_new_speed_limit_holds_at_once_and_cuts_are_counted(rig):
    assert rig.set_parameter('max_speed_mps', 1) == (True, '')
    begin = len(rig.commands) + 3
    rig.until(lambda: len(rig.commands) > begin + 5)
    assert {speed for _, speed, _ in rig.commands[begin:]} == {1.0}
    rig.until(lambda: int(rig.value('drive', 'clamps') or 0) > 0, what='clamps')
    assert rig.set_parameter('max_speed_mps', 4.0)[0]


def test_the_control_rate_can_change_while_driving(rig):
    assert rig.set_parameter('control_rate_hz', 60.0)[0]
    rig.until(lambda: rig.value('drive', 'phase_locked') == 'False', what='a plain timer')
    rig.until_driving()
    assert rig.set_parameter('control_rate_hz', 30.0)[0]
    rig.until(lambda: rig.value('drive', 'phase_locked') == 'True', what='phase lock')


def test_another_policy_takes_over_between_two_ticks(rig, policy, tmp_path):
    old = rig.value('drive', 'policy_loaded')
    other = tmp_path / 'other.safetensors'
    shutil.copy(policy, other)
    rig.until_driving()
    begin = len(rig.commands)
    assert rig.set_parameter('policy', str(other)) == (True, '')
    rig.until(lambda: rig.value('drive', 'policy_loaded') == str(other), what='the other policy')
    rig.until(lambda: len(rig.commands) > begin + 30, what='commands of the other policy')
    assert rig.value('drive', 'swaps') == '1' and 0.0 not in {speed for _, speed, _ in rig.commands[begin:]}
    assert rig.set_parameter('policy', old)[0]
    rig.until(lambda: rig.value('drive', 'policy_loaded') == old, what='the first policy')


def test_a_spiking_policy_drives_and_tells_its_membranes(rig, tmp_path):
    old, spiking = rig.value('drive', 'policy_loaded'), tmp_path / 'spiking.safetensors'
    policy = new_policy('spiking', 'small', 0)
    save_policy(policy, spiking)
    assert rig.set_parameter('policy', str(spiking)) == (True, '')
    got, size = [], policy.network.state_size
    subscription = rig.node.create_subscription(Float32MultiArray, '/drive/neurons', got.append, 10)
    rig.until(lambda: sum(len(message.data) == 2 * size for message in got) >= 3, what='neurons of the spiking policy')
    rig.node.destroy_subscription(subscription)
    begin = len(rig.commands)
    rig.until(lambda: len(rig.commands) > begin + 3, what='commands of the spiking policy')
    states, time_constants = zip(*(rows_of(message) for message in got[-2:]))
    assert states[0].shape == time_constants[0].shape == (size,) and (states[0] != states[1]).any()
    assert np.isfinite(time_constants).all() and (np.array(time_constants) > 0.0).all()
    assert rig.set_parameter('policy', old)[0]
    rig.until(lambda: rig.value('drive', 'policy_loaded') == old, what='the first policy')


@pytest.mark.parametrize(('content', 'words'), [
    (None, 'is not a file'), (b'', 'has 0 bytes'), (b'half a policy' * 99, 'is not a readable safetensors file')])
def test_a_policy_that_cannot_be_used_is_refused_and_the_old_one_drives_on(rig, tmp_path, content, words):
    bad, old = tmp_path / 'bad.safetensors', rig.value('drive', 'policy_loaded')
    if content is not None:
        bad.write_bytes(content)
    successful, reason = rig.set_parameter('policy', str(bad))
    assert not successful and words in reason and str(bad) in reason
    rig.until_driving()
    assert rig.value('drive', 'policy_loaded') == old


def load(rig, path, sha256):
    """Set policy and hash together."""
    parameters = [Parameter(name, value=value).to_parameter_msg()
                  for name, value in (('policy', str(path)), ('policy_sha256', sha256))]
    request = SetParametersAtomically.Request(parameters=parameters)
    assert rig.call(SetParametersAtomically, '/drive/set_parameters_atomically', request).result.successful


def test_a_policy_that_computes_nan_stops_the_car_until_another_takes_over(rig, policy, tmp_path):
    policies.write_overflowing(new_policy('ltc', 'small', 0), tmp_path / 'nan.safetensors')
    load(rig, tmp_path / 'nan.safetensors', '')
    rig.until_standing('policy output is not finite')
    assert int(rig.value('drive', 'not_finite')) > 0
    load(rig, policy, '')
    rig.until_driving()


def test_a_policy_that_is_too_slow_stops_the_car(rig, policy, tmp_path):
    slow = tmp_path / 'slow.pt'
    sha256 = policies.write_slow(new_policy('ltc', 'small', 0), slow, 0.1)
    load(rig, slow, sha256)
    rig.until_standing('policy is too slow')
    assert rig.value('drive', 'refused') == '0'
    load(rig, policy, '')
    rig.until_driving()


def test_a_callback_that_raises_stops_the_car_until_it_is_engaged(rig):
    publisher = rig.node.create_publisher(Empty, 'drive/raise', 1)
    rig.until(publisher.get_subscription_count, what='the callback')
    publisher.publish(Empty())
    rig.until_standing('internal error: ZeroDivisionError: a fault that was asked for')
    count = len(rig.commands)
    rig.until(lambda: len(rig.commands) > count + 15)
    assert {speed for _, speed, _ in rig.commands[count:]} == {0.0}
    assert rig.call(SetBool, '/drive/engage', SetBool.Request(data=True)).success
    rig.until_driving()
    rig.node.destroy_publisher(publisher)


def test_the_clock_is_not_changed_under_way(rig):
    successful, reason = rig.set_parameter('use_sim_time', True)
    assert not successful and 'only change while the node is inactive' in reason


def test_the_answers_of_the_policy_are_there_while_a_human_drives(rig):
    answers = []
    listener = rig.node.create_subscription(TwistStamped, 'drive/policy', answers.append, 1)
    human = rig.node.create_publisher(TwistStamped, 'cmd_vel_teleop', 1)
    message = TwistStamped()
    message.twist.linear.x = 0.7

    def picture():
        human.publish(message)
        return rig.picture()
    rig.until(lambda: rig.said('drive').startswith('takeover') and answers, picture, what='an answer under takeover')
    begin = len(answers)
    rig.until(lambda: len(answers) > begin + 5, picture, what='more answers')
    assert answers[-1].twist.linear.x == pytest.approx(SPEED_MPS)
    assert max(speed for _, speed, _ in rig.commands[-3:]) == pytest.approx(0.7)
    rig.node.destroy_subscription(listener)
    rig.node.destroy_publisher(human)
    rig.until_driving()


def test_a_second_publisher_of_commands_is_reported(rig):
    other = rig.node.create_publisher(TwistStamped, 'cmd_vel', 1)
    rig.until(lambda: '2 publishers on /cmd_vel' in rig.said('drive'), what='the conflict')
    rig.node.destroy_publisher(other)
    rig.until(lambda: 'publishers' not in rig.said('drive'), what='peace')


def test_deactivated_the_car_was_told_to_stand_and_nothing_follows(rig):
    def change(transition):
        request = ChangeState.Request()
        request.transition.id = transition
        return rig.call(ChangeState, '/drive/change_state', request).success
    assert change(DEACTIVATE)
    rig.until(lambda: 'inactive' in rig.said('drive'))
    assert rig.commands[-1][1:] == (0.0, 0.0)
    count = len(rig.commands)
    assert change(CLEAN_UP)
    rig.until(lambda: rig.said('drive') == 'unconfigured')
    assert len(rig.commands) == count
    assert rig.set_parameter('command_type', 'twist_stamped')[0]
    assert change(CONFIGURE) and change(ACTIVATE)


def test_a_node_told_to_end_says_zero_first_and_ends_well(rig, drive):
    """The last test of this process."""
    assert drive.end(signal.SIGTERM) == 0
    count = len(rig.commands)
    rig.until(lambda: rig.commands[-1][1:] == (0.0, 0.0) or len(rig.commands) > count + 5)
    assert rig.commands[-1][1:] == (0.0, 0.0)
    assert 'Traceback' not in drive.log


@pytest.mark.parametrize(('parameters', 'words'), [
    ({'policy': '/nowhere/p.safetensors'}, "policy '/nowhere/p.safetensors' is not a file"),
    ({'control_rate_hz': '500.0'}, 'control_rate_hz = 500 is outside 10 to 100; give a value within these limits'),
    ({'max_sped_mps': '1.0'}, "parameter 'max_sped_mps' is unknown; known: policy"),
    ({'command_type': 'tank'}, "command_type = 'tank' is not one of twist_stamped, twist, ackermann"),
])
def test_bad_values_at_start_leave_the_node_unconfigured_with_one_line(policy, parameters, words):
    process = ros_rig.Process(DRIVE, OTHER_DOMAIN, {'policy': policy, 'autostart': 'true', **parameters})
    rig = ros_rig.Rig(OTHER_DOMAIN)
    try:
        rig.until(lambda: f'unconfigured: {words}' in rig.said('drive'), what=words)
        state = rig.call(GetState, '/drive/get_state', GetState.Request()).current_state.label
        assert state == 'unconfigured' and not rig.commands
        assert process.end() == 0
        assert len(process.log.splitlines()) == 1 and words in process.log
    finally:
        process.end()
        rig.close()


def test_plain_twists_for_cars_that_take_them(policy):
    process = ros_rig.Process(
        DRIVE, OTHER_DOMAIN, {'policy': policy, 'autostart': 'true', 'command_type': 'twist', **TIMEOUTS})
    rig = ros_rig.Rig(OTHER_DOMAIN, Twist)
    try:
        rig.until(lambda: moving(rig), what='a twist')
    finally:
        assert process.end() == 0
        rig.close()
