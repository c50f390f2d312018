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
"""The black box: what it keeps, when it is saved, and that it shows the same decision again, bit for bit."""
import json
import shutil
import threading
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from liquid_control.cli import main
from liquid_control.driving.black_box import KEPT_S, BlackBox, Entry, Occasions, Step, Topics
from liquid_control.driving.command import Command
from liquid_control.driving.pilot import Answer, Picture
from liquid_control.driving.stops import Stops
from liquid_control.driving.supervisor import State
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import save_policy
from liquid_control.recording.black_box_writer import PATIENCE_S, BlackBoxWriter
from liquid_control.sensing.picture import picture_of

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def entry(number, steady_s, pixels=PIXELS):
    message = SimpleNamespace(encoding='rgb8')
    answer = Answer(Picture(message, 0.0, 0.0, True, 0), Command(0.1, 2.0), np.zeros(19, np.float32),
                    np.ones(19, np.float32), pixels, np.zeros(6, np.float32), 1.0 / 30.0, number == 0)
    return Entry(number, 0, steady_s, Command(0.1, 2.0), 'driving', '', 0, Step(answer, 0, pixels, '', 0, 'abc'))


def test_a_box_keeps_a_minute_and_packs_pictures_without_loss():
    box = BlackBox(2**30)
    smooth = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None], 48, 0).repeat(3, 2)
    for number in range(1000):
        box.add(entry(number, 0.1 * number, smooth))
    entries, _ = box.contents()
    assert entries[-1].number == 999 and entries[0].steady_s >= 99.9 - KEPT_S and box.seconds == pytest.approx(60.0)
    before = box.picture_bytes
    assert before == len(entries) * smooth.nbytes
    box.pack()
    assert box.picture_bytes == sum(len(kept.step.picture) for kept in box.contents()[0]) < before / 4
    step = box.contents()[0][0].step
    assert step.answer.pixels.nbytes == 0 and step.answer.picture is None  # nothing holds the raw picture any more
    message = SimpleNamespace(data=step.picture, format=step.format)
    assert np.array_equal(picture_of(message), smooth) and step.crc32 == zlib.crc32(smooth)


def test_a_box_keeps_within_its_bytes_packed_or_not():
    box = BlackBox(10 * PIXELS.nbytes)
    for number in range(100):
        box.add(entry(number, 0.01 * number))
        if number % 7 == 0:
            box.pack()
        assert box.picture_bytes <= 10 * PIXELS.nbytes
    kept = box.contents()[0]
    assert box.picture_bytes == sum(one.step.size for one in kept) and kept[-1].number == 99 and len(kept) >= 9


def test_a_picture_larger_than_the_box_is_not_kept():
    box = BlackBox(PIXELS.nbytes - 1)
    box.add(entry(0, 0.0))
    assert box.contents() == ([], []) and box.picture_bytes == 0
    box.pack()


def test_a_box_is_written_between_ticks_and_a_tick_that_never_ends_does_not_keep_it(tmp_path):
    class Ticks(threading.Event):
        waits = 0

        def wait(self, timeout=None):
            self.waits += 1
            return super().wait(timeout)

    box, ticks = BlackBox(2**30), Ticks()
    topics = Topics('/camera/image_raw/compressed', '/imu/data_raw', '/cmd_vel', '/drive/neurons', '/drive/black_box')
    writer = BlackBoxWriter(box, tmp_path, topics, 0.33, dict, ticks)
    for number in range(600):
        box.add(entry(number, 0.1 * number))
    path = writer.save('asked for')
    writer.close(PATIENCE_S * 300)
    assert path.is_dir() and ticks.waits == 600


def test_the_box_is_saved_two_seconds_after_a_stop_and_no_stop_is_left_out():
    occasions = Occasions()
    assert occasions.take(100.0) == ''
    occasions.stopped('camera is stale', 101.0)
    assert occasions.take(102.9) == ''
    assert occasions.take(103.0) == 'camera is stale' and occasions.take(103.1) == ''
    occasions.stopped('internal error', 105.0)
    occasions.stopped('later', 107.0)
    assert occasions.take(132.9) == ''
    assert occasions.take(133.0) == 'internal error' and occasions.take(200.0) == ''
    occasions.stopped('at the end', 210.0)
    assert occasions.take(210.0) == '' and occasions.take(210.0, ending=True) == 'at the end'


def test_stops_are_counted_by_reason_and_a_human_who_drives_on_is_none():
    stops = Stops()
    seen = [stops.see(State.STOPPED, 'waiting for the first picture', 0.0)]
    for state in State.DRIVING, State.TAKEOVER, State.DRIVING:
        seen.append(stops.see(state, '', 1.0))
    assert not any(seen) and stops.values(1.0)['stops'] == 0
    for number in range(3):
        assert stops.see(State.STOPPED, f"policy is too slow: {number} ms; camera '{number}'", 2.0)
        assert not stops.see(State.STOPPED, 'again', 2.0)
        stops.see(State.DRIVING, '', 3.0)
    for sample in '0, nan, -inf, 9.81', '-inf, 1e+308, 0, nan':
        assert stops.see(State.STOPPED, f'IMU sample holds {sample}; check the driver', 3.0)
        stops.see(State.DRIVING, '', 3.5)
    assert stops.see(State.DISENGAGED, 'disengaged; call ~/engage with true to drive', 4.0)
    values = stops.values(6.5)
    assert values['stops_by_reason'] == '3 x policy is too slow, 2 x IMU sample holds, 1 x disengaged'
    assert values['stops'] == 6
    assert values['last_stop'].startswith('disengaged') and values['last_stop_s_ago'] == 2.5
    for letter in range(100):
        stops.see(State.DRIVING, '', 7.0)
        stops.see(State.ERROR, 'x' * letter, 8.0)
    assert len(stops.values(9.0)['stops_by_reason']) < 2000 and stops.values(9.0)['stops'] == 106


# Over DDS

pytest.importorskip('rclpy')

import ros_rig  # noqa: E402
from sensor_msgs.msg import Imu  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

DOMAIN = ros_rig.own_domain()


@pytest.fixture(scope='module')
def boxes(tmp_path_factory):
    """The folder of the boxes of a car that drove, was stopped by its camera, and was asked for another."""
    folder = tmp_path_factory.mktemp('boxes')
    save_policy(new_policy('ltc', 'small', 0), folder / 'p.safetensors')
    process = ros_rig.Process('liquid_control.nodes.drive', DOMAIN, {
        'policy': folder / 'p.safetensors', 'autostart': 'true', 'camera_timeout_s': 0.3, 'imu_timeout_s': 0.3,
        'black_box_folder': folder / 'boxes'})
    rig = ros_rig.Rig(DOMAIN)
    try:
        rig.until_driving()
        for seconds, nanoseconds in (-1, 0), (2 ** 31 - 1, 2 ** 32 - 1):  # no bag holds these
            sample = Imu()
            sample.header.stamp.sec, sample.header.stamp.nanosec = seconds, nanoseconds
            sample.linear_acceleration.z = 9.81
            rig.imus.publish(sample)
        rig.until(lambda: len(rig.commands) > 60, what='sixty commands')
        rig.until_standing('camera is stale', picture=lambda: None)
        rig.until(lambda: (folder / 'boxes').is_dir() and list((folder / 'boxes').glob('2*')), picture=lambda: None,
                  what='the box')
        rig.until_driving()
        answer = rig.call(Trigger, '/drive/save_black_box', Trigger.Request())
        rig.until(Path(answer.message).is_dir, what=answer.message)
        rig.until(lambda: rig.value('drive', 'black_boxes_written') == '2', what='diagnostics')
        assert rig.value('drive', 'stops_by_reason') == '1 x camera is stale'
        assert float(rig.value('drive', 'black_box_s')) > 2.0
    finally:
        rig.close()
        code = process.end()
    assert code == 0 and not list((folder / 'boxes').glob('.*'))
    return folder / 'boxes'


def found(box, tmp_path, *options):
    """Return the exit code of a replay and what it found."""
    code = main(['replay-black-box', str(box), '--json', str(tmp_path / 'found.json'), *options])
    return code, json.loads((tmp_path / 'found.json').read_text())


def test_the_decisions_before_a_stop_come_again_bit_for_bit(boxes, tmp_path, capsys):
    first, asked = sorted(boxes.iterdir())[:2]
    for box, reason in (first, 'stopped: camera is stale'), (asked, 'asked for'):
        code, said = found(box, tmp_path)
        assert code == 0 and said['different'] == [] and said['compared'] == said['steps'] >= 50
        assert said['about']['reason'].startswith(reason)
    shown = capsys.readouterr().out
    assert 'all the same bit for bit' in shown and 'camera is stale' in shown


def test_other_tools_read_a_box_as_a_bag(boxes):
    from liquid_control.recording.bag import open_bag
    with open_bag(sorted(boxes.iterdir())[0]) as bag:
        topics = {topic.name: topic.count for topic in bag.topics}
        assert set(topics) == {'/camera/image_raw/compressed', '/imu/data_raw', '/cmd_vel', '/drive/neurons',
                               '/drive/black_box'}
        assert topics['/imu/data_raw'] > topics['/camera/image_raw/compressed'] == topics['/drive/neurons']
        assert topics['/cmd_vel'] == topics['/drive/black_box'] - 1


def changed(box, path, change):
    """Write a box again with the pixels of one picture in its middle changed."""
    import cv2
    from rosbags.rosbag2 import Reader, StoragePlugin, Writer

    from liquid_control.recording.bag import message_types
    with Reader(box) as reader, Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        into = {one.id: writer.add_connection(one.topic, one.msgtype, typestore=message_types())
                for one in reader.connections}
        pictures = 0
        for one, stamp, data in reader.messages():
            if one.topic.endswith('compressed'):
                pictures += 1
                if pictures == 30:
                    message = message_types().deserialize_cdr(data, one.msgtype)
                    pixels = np.array(picture_of(message))
                    change(pixels)
                    message.data = cv2.imencode('.png', pixels[:, :, ::-1])[1].reshape(-1)
                    data = message_types().serialize_cdr(message, one.msgtype)
            writer.write(into[one.id], stamp, data)
    for file in box.glob('policy_*'):
        shutil.copy(file, path)
    return path


def test_one_flipped_bit_of_a_picture_is_noticed(boxes, tmp_path):
    def flip(row):
        def change(pixels):
            pixels[row, 30, 1] ^= 1
        return change

    box = sorted(boxes.iterdir())[0]
    code, said = found(changed(box, tmp_path / 'same', lambda _pixels: None), tmp_path)
    assert code == 0 and said['different'] == []
    code, said = found(changed(box, tmp_path / 'cropped', flip(2)), tmp_path)
    assert code == 1 and [one['difference'] for one in said['different']] == ['the picture is not what the policy saw']
    code, said = found(changed(box, tmp_path / 'seen', flip(40)), tmp_path)
    assert code == 1 and 'neurons differ' in said['different'][0]['difference'] and len(said['different']) > 1


def test_another_policy_is_refused_and_a_bag_without_a_box_too(boxes, tmp_path, capsys):
    box = sorted(boxes.iterdir())[0]
    save_policy(new_policy('ltc', 'small', 1), tmp_path / 'other.safetensors')
    assert main(['replay-black-box', str(box), '--policy', str(tmp_path / 'other.safetensors')]) == 2
    assert 'SHA-256' in capsys.readouterr().err
    from liquid_control.recording.bag import new_bag
    with new_bag(tmp_path / 'plain') as bag:
        bag.write_joy('/joy', 1, 'joy', (0.0, 0.0))
    assert main(['replay-black-box', str(tmp_path / 'plain')]) == 2
    assert 'holds no black box' in capsys.readouterr().err


def test_a_disk_that_takes_nothing_is_a_line_and_the_car_drives_on(boxes, tmp_path):
    (tmp_path / 'file').write_text('')
    process = ros_rig.Process('liquid_control.nodes.drive', DOMAIN, {
        'policy': boxes.parent / 'p.safetensors', 'autostart': 'true', 'camera_timeout_s': 0.3, 'imu_timeout_s': 0.3,
        'black_box_folder': tmp_path / 'file'})
    rig = ros_rig.Rig(DOMAIN)
    try:
        rig.until_driving()
        rig.call(Trigger, '/drive/save_black_box', Trigger.Request())
        rig.until(lambda: 'could not write' in rig.value('drive', 'black_box_last'), what='the line')
        rig.until_driving()
    finally:
        rig.close()
        code = process.end()
    assert code == 0 and 'could not write' in process.log
