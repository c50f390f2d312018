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

"""Bags: written whole, read from any source, turned into arrays for learning."""
import math

import numpy as np
import pytest
import torch
from rosbags.rosbag2 import StoragePlugin, Writer

from liquid_control.errors import InputError
from liquid_control.evaluation.open_loop import always_the_mean, compare, open_loop, predict, previous_command
from liquid_control.recording.bag import (
    ACKERMANN, IMAGE, TWIST, header_stamp_ns, message_types, new_bag, open_bag, with_header_stamp)
from liquid_control.recording.recorded_drive import load_drive, smooth_labels, split_sequences, training_split
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.spec import PolicySpec
from liquid_control.simulation.car import default_car

START_NS = 1_700_000_000 * 10**9
PERIOD_NS = 50_000_000
REST = np.array([0.0, 0.0, 9.81])


def picture(level: int, height: int = 16, width: int = 24) -> np.ndarray:
    rng = np.random.default_rng(level)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_drive(path, count=20, prefix='', imu=True, gap_after=None, steering=None):
    with new_bag(path) as bag:
        for i in range(count):
            stamp = START_NS + i * PERIOD_NS + (5 * 10**9 if gap_after is not None and i > gap_after else 0)
            bag.write_image(f'{prefix}/camera/image_raw', stamp, 'camera', picture(i))
            if imu:
                turning = np.array([0.0, 0.0, 0.01 * i])
                bag.write_imu(f'{prefix}/imu/data_raw', stamp + 3_000_000, 'imu_link', turning, REST)
            share = math.sin(0.5 * i) if steering is None else steering[i]
            bag.write_joy(f'{prefix}/human_controls', stamp - 2_000_000, 'base_link', (share, 0.5))
    return path


def test_a_drive_comes_back_as_it_was_written(tmp_path):
    drive = load_drive(write_drive(tmp_path / 'drive.bag', prefix='/car'))
    assert len(drive) == 20 and drive.has_imu and not drive.left_out and drive.name == 'drive.bag'
    np.testing.assert_array_equal(drive.pictures, np.stack([picture(i) for i in range(20)]))
    assert drive.pictures.dtype == np.uint8 and drive.imu.dtype == drive.steering.dtype == np.float32
    np.testing.assert_allclose(drive.imu[:, 2], 0.01 * np.arange(20), atol=1e-6)
    np.testing.assert_allclose(drive.imu[:, 5], 9.81, atol=1e-6)
    np.testing.assert_allclose(drive.steering, np.sin(0.5 * np.arange(20)), atol=1e-6)
    np.testing.assert_allclose(drive.stamps, 1.7e9 + 0.05 * np.arange(20), atol=1e-6)


def test_a_drive_without_imu_says_so(tmp_path):
    drive = load_drive(write_drive(tmp_path / 'bag', imu=False))
    assert not drive.has_imu and not drive.imu.any() and drive.imu.shape == (20, 6)


def test_pictures_without_partners_are_left_out_and_counted(tmp_path):
    path = tmp_path / 'bag'
    with new_bag(path) as bag:
        for i in range(20):
            stamp = START_NS + i * PERIOD_NS
            size = (8, 8) if i == 7 else (16, 24)
            bag.write_image('/camera/image_raw', stamp, 'camera', picture(i, *size))
            if i == 8:
                bag.write_compressed('/camera/other', stamp, 'camera', b'\xff\xd8\xff', 'jpeg')
            if i != 3:
                values = np.array([0.0, 0.0, math.nan if i == 9 else 0.0])
                bag.write_imu('/imu/data_raw', stamp, 'imu_link', values, REST)
            if i not in (4, 5):
                bag.write_twist('/cmd_vel', stamp, 'base_link', 0.0 if i == 6 else 1.0, 0.5)
    drive = load_drive(path)
    assert drive.left_out == {
        'no command within half a period': 2, 'no IMU sample within half a period': 1,
        'the car stood: its velocity command tells no steering angle': 1, 'the IMU sample is unusable': 1,
        'the picture is of another size than the first': 1}
    assert len(drive) == 14
    np.testing.assert_array_equal(drive.pictures[4], picture(10))


def test_corrupt_pictures_are_counted(tmp_path):
    with new_bag(tmp_path / 'bag') as bag:
        for i in range(10):
            stamp = START_NS + i * PERIOD_NS
            bag.write_compressed('/image_raw/compressed', stamp, 'camera', b'\xff\xd8\xffnothing', 'jpeg')
            bag.write_joy('/human_controls', stamp, 'base_link', (0.0, 0.5))
    with pytest.raises(InputError, match='10 the picture is corrupt'):
        load_drive(tmp_path / 'bag')


def test_velocity_and_ackermann_commands_give_the_angle(tmp_path):
    car, types = default_car(), message_types()
    angles = np.array([-0.3, 0.0, 0.2, 0.42, 0.6])
    header = types.types['std_msgs/msg/Header'], types.types['builtin_interfaces/msg/Time']
    for kind, topic in ((ACKERMANN, '/drive'), (TWIST, '/cmd_vel')):
        path = tmp_path / topic[1:]
        with Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
            camera = writer.add_connection('/camera/image_raw', IMAGE, typestore=types)
            command = writer.add_connection(topic, kind, typestore=types)
            for i, angle in enumerate(angles.tolist()):
                stamp = START_NS + i * PERIOD_NS
                head = header[0](header[1](*divmod(stamp, 10**9)), 'base_link')
                image = types.types[IMAGE](head, 16, 24, 'bgr8', 0, 72, picture(i)[:, :, ::-1].reshape(-1).copy())
                writer.write(camera, stamp, types.serialize_cdr(image, IMAGE))
                if kind == ACKERMANN:
                    drive = types.types['ackermann_msgs/msg/AckermannDrive'](angle, 0.0, 1.0, 0.0, 0.0)
                    message = types.types[ACKERMANN](head, drive)
                else:
                    vector = types.types['geometry_msgs/msg/Vector3']
                    turn = -1.5 * math.tan(angle) / car.wheelbase_m
                    message = types.types[TWIST](vector(-1.5, 0.0, 0.0), vector(0.0, 0.0, turn))
                writer.write(command, stamp, types.serialize_cdr(message, kind))
        read = load_drive(path)
        np.testing.assert_allclose(read.steering, np.clip(angles / car.max_steering_rad, -1.0, 1.0), atol=1e-5)
        np.testing.assert_array_equal(read.pictures[2], picture(2))


def test_what_is_no_bag_is_an_input_error(tmp_path):
    write_drive(tmp_path / 'good')
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'text.txt').write_text('hello')
    (tmp_path / 'cut').mkdir()
    (tmp_path / 'cut' / 'metadata.yaml').write_bytes((tmp_path / 'good' / 'metadata.yaml').read_bytes())
    content = (tmp_path / 'good' / 'good.mcap').read_bytes()
    (tmp_path / 'cut' / 'good.mcap').write_bytes(content[:len(content) // 2])
    (tmp_path / 'noise').mkdir()
    (tmp_path / 'noise' / 'metadata.yaml').write_bytes(b'\x00\x01: [')
    for name, said in (('gone', 'not exist'), ('folder', 'metadata.yaml'), ('text.txt', 'not a rosbag2'),
                       ('cut', 'cannot be read'), ('noise', 'cannot be read')):
        with pytest.raises(InputError, match=said) as raised:
            load_drive(tmp_path / name)
        assert '\n' not in str(raised.value)
    with new_bag(tmp_path / 'blind') as bag:
        bag.write_imu('/imu/data_raw', START_NS, 'imu_link', np.zeros(3), REST)
    with pytest.raises(InputError, match=r'no camera topic.*/imu/data_raw \(sensor_msgs/msg/Imu, 1\)'):
        load_drive(tmp_path / 'blind')
    with new_bag(tmp_path / 'unled') as bag:
        bag.write_image('/camera/image_raw', START_NS, 'camera', picture(0))
    with pytest.raises(InputError, match='no command topic'):
        load_drive(tmp_path / 'unled')


def test_single_mcap_files_are_read(tmp_path):
    path = write_drive(tmp_path / 'drive')
    assert len(load_drive(path / 'drive.mcap')) == 20


def test_a_bag_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), new_bag(tmp_path / 'bag') as bag:
        bag.write_image('/camera/image_raw', START_NS, 'camera', picture(0))
        assert not (tmp_path / 'bag').exists()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    write_drive(tmp_path / 'bag')
    with pytest.raises(InputError, match='exists already'), new_bag(tmp_path / 'bag'):
        pass
    assert len(load_drive(tmp_path / 'bag')) == 20


def test_header_stamps_are_read_and_replaced_in_place(tmp_path):
    with open_bag(write_drive(tmp_path / 'bag', count=1)) as bag:
        for topic, _, data in bag.raw_messages(bag.topics):
            before = bag.decode(topic, data)
            changed = bag.decode(topic, with_header_stamp(data, 12_000_000_034))
            assert (changed.header.stamp.sec, changed.header.stamp.nanosec) == (12, 34)
            assert changed.header.frame_id == before.header.frame_id
            assert header_stamp_ns(data) == before.header.stamp.sec * 10**9 + before.header.stamp.nanosec


def test_sequences_end_at_gaps(tmp_path):
    drive = load_drive(write_drive(tmp_path / 'bag', gap_after=7))
    assert split_sequences(drive.stamps) == [slice(0, 8), slice(8, 20)]
    assert split_sequences(drive.stamps, max_gap_s=10.0) == [slice(0, 20)]
    assert split_sequences(drive.stamps[:0]) == []
    first, rest = training_split(drive)
    assert (len(first), len(rest)) == (16, 4)
    np.testing.assert_array_equal(rest.steering, drive.steering[16:])
    with pytest.raises(InputError, match='cannot be split'):
        training_split(drive.part(0, 1))


def test_labels_are_smoothed_within_sequences():
    steering = np.array([0, 0, 1, 1, 1, -1, -1], np.float32)
    smooth = smooth_labels(steering, 5)
    np.testing.assert_allclose(smooth, [1 / 3, 2 / 4, 3 / 5, 2 / 5, 1 / 5, 0.0, -1 / 3], atol=1e-6)
    parted = smooth_labels(steering, 5, [slice(0, 5), slice(5, 7)])
    np.testing.assert_allclose(parted, [1 / 3, 2 / 4, 3 / 5, 3 / 4, 1.0, -1.0, -1.0], atol=1e-6)
    np.testing.assert_array_equal(smooth_labels(steering, 1), steering)


def small_policy() -> DrivingPolicy:
    torch.manual_seed(0)
    return DrivingPolicy(PolicySpec(cell='gru', wiring=None, max_steering_rad=0.3)).eval()


def test_open_loop_is_the_policy_step_by_step(tmp_path):
    policy = small_policy()
    drive = load_drive(write_drive(tmp_path / 'bag', gap_after=7))
    expected = []
    with torch.inference_mode():
        for part in split_sequences(drive.stamps):
            state, before = policy.initial_state(), None
            for i in range(part.start, part.stop):
                seconds = policy.spec.period_s if before is None else drive.stamps[i] - before
                before = drive.stamps[i]
                command, state = policy(torch.from_numpy(drive.pictures[i:i + 1]), torch.from_numpy(drive.imu[i:i + 1]),
                                        torch.tensor([[seconds / policy.spec.period_s]], dtype=torch.float32), state)
                expected.append(command[0, 0].item() / 0.3)
    predicted = predict(policy, drive)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)
    assert np.ptp(predicted) > 0.0
    result = open_loop(policy, drive)
    assert result.samples == 20
    assert result.steering_mae == pytest.approx(np.abs(np.array(expected) - drive.steering).mean(), abs=1e-5)
    np.testing.assert_array_equal(predicted, predict(policy, drive))


def test_baselines(tmp_path):
    drive = load_drive(write_drive(tmp_path / 'bag', gap_after=1, count=6, steering=[1.0, 1.0, -1.0, -1.0, 1.0, 0.5]))
    mean = always_the_mean(drive)
    assert mean.steering_r2 == pytest.approx(0.0, abs=1e-9)
    assert always_the_mean(drive, -0.5).steering_r2 < 0.0
    previous = previous_command(drive)
    assert previous.steering_mae == pytest.approx((1.0 + 0.0 + 1.0 + 0.0 + 2.0 + 0.5) / 6.0)
    assert compare(drive.steering, drive.steering).steering_r2 == 1.0
    assert compare(drive.steering, np.zeros(6)).steering_r2 == 0.0
