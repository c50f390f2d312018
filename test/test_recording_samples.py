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

"""Bags of samples: written for good at once, finished after a kill, readable as rosbag2, learned from."""
import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.recording.bag import message_types
from liquid_control.recording.recorded_drive import human_steering, load_drive
from liquid_control.recording.sample_bag import (
    RecordingError, Sample, SampleReader, SampleWriter, count_samples, load_samples, next_bag, read_new, recover)
from liquid_control.simulation.car import default_car

START_NS = 1_700_000_000 * 10**9
PERIOD_NS = 33_333_333
KILLS = 20

KILLED_WRITERS = """
import json, os, random, signal, sys, time
from pathlib import Path
import numpy as np
from liquid_control.driving.command import Command
from liquid_control.recording.bag import message_types
from liquid_control.recording.sample_bag import Sample, SampleWriter, count_samples, next_bag, recover

def write(bags, number, said):
    writer = SampleWriter(next_bag(bags), file_s=1.5)
    while True:
        number += 1
        writer.write(Sample(number * 33_333_333, os.urandom(5000), np.arange(6.0), Command(0.1, 2.0), None,
                            Command(0.1, 2.0), 'human', number % 3 == 0, number, 1, 'collect'))
        os.write(said, f'{number} '.encode())

bags, rng, last = Path(sys.argv[1]), random.Random(7), 0
message_types()
for _ in range(int(sys.argv[2])):
    path = bags.parent / 'said'
    said = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    child = os.fork()
    if child == 0:
        try:
            write(bags, last, said)
        finally:
            os._exit(1)
    while not path.stat().st_size:
        time.sleep(0.001)
        assert os.waitpid(child, os.WNOHANG)[0] == 0
    time.sleep(rng.uniform(0.0, 0.12))
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    recovered, counts = recover(bags), count_samples(bags)
    print(json.dumps({'before': last, 'said': [int(number) for number in path.read_text().split()],
                      'recovered': len(recovered), 'samples': counts.samples, 'last': counts.last_number}))
    last = counts.last_number
"""


def picture(number: int, height: int = 24, width: int = 32) -> np.ndarray:
    small = np.random.default_rng(number).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def sample(number: int, **changes) -> Sample:
    fields = {
        'stamp_ns': START_NS + number * PERIOD_NS, 'picture': picture(number),
        'imu': np.array([0.1, 0.2, 0.01 * number, 0.0, 0.3, 9.81], np.float32), 'teacher': Command(0.001 * number, 2.1),
        'policy': Command(-0.1, 2.1), 'driven': Command(0.1 / 3.0, 0.0), 'driver': 'expert', 'intervention': False,
        'number': number, 'round': 2, 'state': 'collect'}
    return Sample(**(fields | changes))


def write_bag(folder: Path, numbers=range(1, 31), file_s=60.0, **changes) -> Path:
    writer = SampleWriter(folder, file_s=file_s)
    for number in numbers:
        writer.write(sample(number, **changes))
    writer.close()
    return folder


def test_samples_come_back_as_they_were(tmp_path):
    jpeg = cv2.imencode('.jpg', picture(9))[1].tobytes()
    png = cv2.imencode('.png', picture(8)[:, :, ::-1])[1].tobytes()
    writer = SampleWriter(tmp_path / '0001')
    writer.write(sample(1))
    writer.event(START_NS, {'event': 'state', 'state': 'learn', 'score': 0.5})
    writer.write(sample(2, picture=jpeg, teacher=None, imu=None, driver='policy'))
    writer.write(sample(3, picture=png, driver='human', intervention=True, policy=None, driven=None, state='try'))
    writer.close()
    first, second, third = SampleReader(tmp_path / '0001').read()
    assert first.teacher == Command(0.001, 2.1) and first.driven == Command(0.1 / 3.0, 0.0)
    np.testing.assert_array_equal(first.imu, sample(1).imu)
    assert (first.driver, first.intervention, first.number, first.round, first.state) == (
        'expert', False, 1, 2, 'collect')
    assert second.picture == jpeg and second.teacher is None and second.imu is None
    assert third.picture == png and third.policy is None and third.intervention and third.state == 'try'
    samples = load_samples(tmp_path / '0001')
    assert np.abs(samples.pictures[0].astype(int) - picture(1)).mean() < 8.0
    np.testing.assert_array_equal(samples.pictures[2], picture(8))
    np.testing.assert_array_equal(samples.numbers, [1, 2, 3])
    np.testing.assert_array_equal(np.isfinite(samples.teacher[:, 0]), [True, False, True])
    np.testing.assert_array_equal(np.isfinite(samples.imu).all(1), [True, False, True])
    np.testing.assert_allclose(np.diff(samples.stamps), 1e-9 * PERIOD_NS, atol=1e-6)
    assert samples.driver.tolist() == ['expert', 'policy', 'human'] and samples.intervention.tolist() == [0, 0, 1]
    assert count_samples(tmp_path) == (3, 1, 3)
    assert [s.number for s in read_new(tmp_path / '0001', 2)] == [3]


def test_a_finished_bag_is_a_rosbag2_bag(tmp_path):
    bag = tmp_path / '0001'
    writer = SampleWriter(bag, file_s=0.4)
    for number in range(1, 31):
        writer.write(sample(number))
        if number % 10 == 0:
            writer.event(START_NS + number * PERIOD_NS - 5, {'event': 'state'})
    writer.close()
    described = yaml.safe_load((bag / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
    assert described['relative_file_paths'] == ['0001_0.mcap', '0001_1.mcap', '0001_2.mcap']
    assert described['message_count'] == 30 * 6 + 3 and described['storage_identifier'] == 'mcap'
    qos = {topic['topic_metadata']['name']: topic['topic_metadata']['offered_qos_profiles'][0]['reliability']
           for topic in described['topics_with_message_count']}
    assert qos == {
        '/camera/image_raw/compressed': 'best_effort', '/imu/data_raw': 'best_effort', '/teacher/cmd_vel': 'reliable',
        '/policy/cmd_vel': 'reliable', '/cmd_vel': 'reliable', '/trainer/sample': 'reliable',
        '/trainer/event': 'reliable'}
    with Reader(bag) as reader:
        assert reader.message_count == 183
        counts = {connection.topic: 0 for connection in reader.connections}
        for connection, log_time, data in reader.messages():
            counts[connection.topic] += 1
            message = message_types().deserialize_cdr(data, connection.msgtype)
            assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == log_time
    assert counts.pop('/trainer/event') == 3 and set(counts.values()) == {30}
    for path in sorted(bag.glob('*.mcap')):
        with path.open('rb') as file:
            reader = make_reader(file, validate_crcs=True)
            assert reader.get_header().profile == 'ros2'
            schemas = {schema.name: schema for schema in reader.get_summary().schemas.values()}
            assert {schema.encoding for schema in schemas.values()} == {'ros2msg'}
            assert b'MSG: std_msgs/Header' in schemas['sensor_msgs/msg/Imu'].data
            assert sum(1 for _ in reader.iter_messages()) == reader.get_summary().statistics.message_count


def test_a_bag_is_read_while_it_is_written(tmp_path):
    reader = SampleReader(tmp_path / '0001')
    assert reader.read() == []
    writer = SampleWriter(tmp_path / '0001', file_s=0.5)
    seen = []
    for number in range(1, 61):
        writer.write(sample(number))
        if number % 7 == 0:
            seen += [s.number for s in reader.read()]
            assert seen[-1] == number
    writer.close()
    seen += [s.number for s in reader.read()]
    assert seen == list(range(1, 61)) and reader.read() == []


def test_a_bag_cut_anywhere_keeps_its_complete_samples(tmp_path):
    whole = tmp_path / 'whole' / '0001'
    writer = SampleWriter(whole)
    ends = []
    for number in range(1, 9):
        writer.write(sample(number))
        ends.append((whole / '0001_0.mcap').stat().st_size)
    content = (whole / '0001_0.mcap').read_bytes()
    rng = random.Random(1)
    cuts = [0, 3, 8, 30, *ends, *(end - 1 for end in ends), *(rng.randrange(len(content)) for _ in range(12))]
    for place, cut in enumerate(cuts):
        bag = tmp_path / f'{place}' / '0001'
        bag.mkdir(parents=True)
        (bag / '0001_0.mcap').write_bytes(content[:cut])
        got = [s.number for s in SampleReader(bag).read()]
        # A sample is complete when its block is; what follows of its index may be missing.
        complete = sum(cut >= end for end in ends)
        assert got == list(range(1, len(got) + 1)) and complete <= len(got) <= complete + 1
        (recovered,) = recover(bag.parent)
        assert recovered.samples == len(got) and recovered.cut_bytes < ends[0] + 8
        assert recover(bag.parent) == []
        if got:
            with Reader(bag) as reader:
                assert reader.message_count == 6 * len(got)
        else:
            assert not bag.exists()


def test_a_damaged_block_costs_one_sample(tmp_path):
    write_bag(tmp_path / '0001', range(1, 6))
    path = tmp_path / '0001' / '0001_0.mcap'
    content = bytearray(path.read_bytes())
    place = content.index(b'\xff\xd8\xff', 3 * len(content) // 5)
    content[place + 50] ^= 0xff
    path.write_bytes(bytes(content))
    samples = load_samples(tmp_path / '0001')
    assert len(samples) == 4 and samples.left_out == {'the block is damaged': 1}


def test_sigkill_at_random_moments_loses_no_sample_that_was_written(tmp_path):
    bags = tmp_path / 'bags'
    answer = subprocess.run(
        [sys.executable, '-c', KILLED_WRITERS, str(bags), str(KILLS)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    lives = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(lives) == KILLS and sum(life['recovered'] for life in lives) > KILLS // 2
    for life in lives:
        last = life['before'] + len(life['said'])
        assert life['said'] == list(range(life['before'] + 1, last + 1))
        # One more may be there: of a writer that was killed between writing and saying so.
        assert life['samples'] == life['last'] and last <= life['last'] <= last + 1
    numbers = [sample.number for bag in sorted(bags.iterdir()) for sample in SampleReader(bag).read()]
    assert numbers == list(range(1, lives[-1]['last'] + 1)) and len(numbers) > 5 * KILLS
    for bag in bags.iterdir():
        with Reader(bag) as reader:
            assert reader.message_count == 5 * len(SampleReader(bag).read())


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from liquid_control.recording.sample_bag import Sample, SampleWriter, RecordingError, next_bag
bags, limit = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
writer = SampleWriter(next_bag(bags))
picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
for number in range(1, 10000):
    try:
        writer.write(Sample(number * 33_333_333, picture, None, None, None, None, 'policy', False, number, 1, 'try'))
    except RecordingError as error:
        print(number - 1)
        print(error)
        break
try:
    writer.write(Sample(10**12, picture, None, None, None, None, 'policy', False, 10**6, 1, 'try'))
except RecordingError as error:
    print(error)
writer.close()
"""


@pytest.mark.parametrize('limit', [60, 30_000, 200_001])
def test_a_full_disk_stops_recording_and_spoils_nothing(tmp_path, limit):
    answer = subprocess.run([sys.executable, '-c', FULL, str(tmp_path), str(limit)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    written, reason, again = answer.stdout.splitlines()
    assert 'stopped' in reason and 'free space' in reason and reason == again
    bag = tmp_path / '0001'
    numbers = [s.number for s in SampleReader(bag).read()]
    assert numbers == list(range(1, int(written) + 1)) and (limit < 100 or numbers)
    (recovered,) = recover(tmp_path)  # there is space again
    assert recovered.samples == len(numbers)
    if numbers:
        assert load_samples(bag).numbers.tolist() == numbers
        with Reader(bag) as reader:
            assert reader.message_count == 2 * len(numbers)


def test_a_recovery_without_space_leaves_the_bag_as_it_was(tmp_path):
    write_bag(tmp_path / '0001', range(1, 20))
    path = tmp_path / '0001' / '0001_0.mcap'
    content = path.read_bytes()[:-5000]
    path.write_bytes(content)
    before = len(SampleReader(tmp_path / '0001').read())
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, old[1]))
    try:
        with pytest.raises(RecordingError, match='cannot be finished'):
            recover(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert path.read_bytes() == content and sorted(os.listdir(path.parent)) == ['0001_0.mcap', 'metadata.yaml']
    assert recover(tmp_path)[0].samples == before


def test_bags_are_numbered_and_never_overwritten(tmp_path):
    assert next_bag(tmp_path / 'bags').name == '0001'
    write_bag(tmp_path / 'bags' / '0007', range(1, 3))
    assert next_bag(tmp_path / 'bags').name == '0008'
    with pytest.raises(RecordingError, match='exists already'):
        SampleWriter(tmp_path / 'bags' / '0007')
    (tmp_path / 'file').write_text('')
    with pytest.raises(RecordingError, match='cannot be made'):
        SampleWriter(tmp_path / 'file' / '0001')
    assert count_samples(tmp_path / 'bags') == (2, 0, 2) and count_samples(tmp_path / 'nothing') == (0, 0, 0)


def test_a_large_file_is_followed_by_another(tmp_path):
    writer = SampleWriter(tmp_path / '0001', file_bytes=20_000)
    for number in range(1, 31):
        writer.write(sample(number))
    assert len(list((tmp_path / '0001').glob('*.mcap'))) > 1
    writer.close()
    assert load_samples(tmp_path / '0001').numbers.tolist() == list(range(1, 31))


def test_unusable_pictures_are_counted(tmp_path):
    writer = SampleWriter(tmp_path / '0001')
    writer.write(sample(1))
    writer.write(sample(2, picture=b'\xff\xd8\xffnothing'))
    writer.write(sample(3, picture=picture(3, 12, 16)))
    writer.close()
    samples = load_samples(tmp_path / '0001')
    assert samples.numbers.tolist() == [1]
    assert samples.left_out == {'the picture cannot be decoded': 1, 'the picture is of another size than the first': 1}
    with pytest.raises(InputError, match='holds no sample'):
        load_samples(tmp_path / 'nothing')


def test_drives_are_read_from_a_bag_of_samples(tmp_path):
    limit = default_car().max_steering_rad
    writer = SampleWriter(tmp_path / '0001')
    for number in range(1, 21):
        teacher = None if number == 5 else Command(0.02 * number, 0.0)  # of a car that stands
        writer.write(sample(number, teacher=teacher))
    writer.close()
    drive = load_drive(tmp_path / '0001')
    assert len(drive) == 19 and drive.left_out == {'no command within half a period': 1} and drive.has_imu
    expected = [min(1.0, 0.02 * number / limit) for number in range(1, 21) if number != 5]
    np.testing.assert_allclose(drive.steering, expected, atol=1e-6)
    stamps = START_NS + PERIOD_NS * np.arange(1, 21)
    np.testing.assert_allclose(human_steering(tmp_path / '0001', stamps)[5:], expected[4:], atol=1e-6)
    write_bag(tmp_path / '0002', teacher=None)
    with pytest.raises(InputError, match='no teacher said anything'):
        load_drive(tmp_path / '0002')
    assert np.isnan(human_steering(tmp_path / '0002', stamps)).all()
