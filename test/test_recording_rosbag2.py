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

import errno
import os
import re
import threading

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader

from liquid_control.driving.command import Command
from liquid_control.recording.bag import new_bag
from liquid_control.recording.sample_bag import RecordingError, Sample, SampleReader, SampleWriter, recover

START_NS = 1_700_000_000 * 10**9
PICTURE = np.zeros((24, 32, 3), np.uint8)
INTEGER = {
    'version': 0, 'message_count': 0, 'duration': {'nanoseconds': 0},
    'starting_time': {'nanoseconds_since_epoch': 0}}
TIME = {'sec': 0, 'nsec': 0}
# What rosbag2 of Jazzy writes and its conversions ask for, in rosbag2_storage yaml.hpp and qos.cpp: where a name is
# missing or of another kind it refuses the bag.
QOS = {
    'history': ('system_default', 'keep_last', 'keep_all', 'unknown'), 'depth': 0,
    'reliability': ('system_default', 'reliable', 'best_effort', 'unknown'),
    'durability': ('system_default', 'transient_local', 'volatile', 'unknown'), 'deadline': TIME, 'lifespan': TIME,
    'liveliness': ('system_default', 'automatic', 'manual_by_topic', 'unknown'), 'liveliness_lease_duration': TIME,
    'avoid_ros_namespace_conventions': False}
TOPIC = {
    'topic_metadata': {
        'name': re.compile(r'(/[a-z_]+)+'), 'type': re.compile(r'[a-z_]+/msg/[A-Za-z0-9]+'),
        'serialization_format': ('cdr',), 'offered_qos_profiles': [QOS],
        'type_description_hash': re.compile('RIHS01_[0-9a-f]{64}')},
    'message_count': 0}
FILE = {'path': re.compile(r'\w+\.mcap')} | {name: INTEGER[name] for name in (
    'starting_time', 'duration', 'message_count')}
BAG = INTEGER | {
    'version': (9,), 'storage_identifier': ('mcap',), 'topics_with_message_count': [TOPIC], 'compression_format': ('',),
    'compression_mode': ('',), 'relative_file_paths': [re.compile(r'\w+\.mcap')], 'files': [FILE],
    'custom_data': (None, {}), 'ros_distro': ('jazzy', 'rosbags')}


def compare(found, asked, where=''):
    """Fail unless what was found has the names and kinds that were asked for, and no others."""
    if isinstance(asked, dict):
        assert isinstance(found, dict) and set(found) == set(asked), where
        for name, kind in asked.items():
            compare(found[name], kind, f'{where}/{name}')
    elif isinstance(asked, list):
        assert isinstance(found, list) and found, where
        for item in found:
            compare(item, asked[0], where)
    elif isinstance(asked, tuple):
        assert found in asked, (where, found)
    elif isinstance(asked, re.Pattern):
        assert isinstance(found, str) and asked.fullmatch(found), (where, found)
    else:
        assert type(found) is type(asked) and 0 <= found < 2**64, (where, found)


def sample(number: int) -> Sample:
    command = Command(0.1, 2.0)
    return Sample(START_NS + number * 33_333_333, PICTURE, np.zeros(6, np.float32), command, command, command, 'expert',
                  False, number, 1, 'collect')


def samples(folder):
    writer = SampleWriter(folder, file_s=0.2)
    for number in range(1, 13):
        writer.write(sample(number))
    writer.event(START_NS + 10**9, {'event': 'state'})
    return writer


def recorded(folder):
    samples(folder).close()


def killed(folder):
    samples(folder)._file.close()
    assert recover(folder.parent)


def imported(folder):
    with new_bag(folder) as bag:
        bag.write_image('/camera/image_raw', START_NS, 'camera', PICTURE)
        bag.write_twist('/cmd_vel', START_NS, 'base_link', 1.0, 0.1)


@pytest.mark.parametrize('make', [recorded, killed, imported])
def test_a_bag_says_what_rosbag2_asks_for(tmp_path, make):
    bag = tmp_path / '0001'
    make(bag)
    described = yaml.safe_load((bag / 'metadata.yaml').read_text())
    compare(described, {'rosbag2_bagfile_information': BAG})
    described = described['rosbag2_bagfile_information']
    topics = {topic['topic_metadata']['name']: topic for topic in described['topics_with_message_count']}
    assert described['relative_file_paths'] == [file['path'] for file in described['files']] == sorted(
        path.name for path in bag.glob('*.mcap'))
    total = 0
    for part in described['files']:
        with (bag / part['path']).open('rb') as file:
            reader = make_reader(file, validate_crcs=True)
            summary = reader.get_summary()
            statistics = summary.statistics
            assert reader.get_header().profile == 'ros2' and part['message_count'] == statistics.message_count
            assert part['starting_time']['nanoseconds_since_epoch'] == statistics.message_start_time
            assert all(chunk.message_index_offsets for chunk in summary.chunk_indexes)  # else it plays out of order
            for channel in summary.channels.values():
                about, schema = topics[channel.topic]['topic_metadata'], summary.schemas[channel.schema_id]
                assert channel.message_encoding == 'cdr' and schema.encoding == 'ros2msg'
                assert schema.name == about['type']
                assert yaml.safe_load(channel.metadata['offered_qos_profiles']) == about['offered_qos_profiles']
                if make is not imported:
                    assert channel.metadata['topic_type_hash'] == about['type_description_hash']
            total += statistics.message_count
    assert total == described['message_count'] == sum(topic['message_count'] for topic in topics.values())


def test_what_is_written_goes_to_the_disk_while_recording_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr('liquid_control.recording.disk_sync.INTERVAL_S', 0.02)
    synced, real = threading.Event(), os.fdatasync
    monkeypatch.setattr(os, 'fdatasync', lambda handle: (real(handle), synced.set()))
    writer = SampleWriter(tmp_path / '0001')
    writer.write(sample(1))
    assert synced.wait(30.0)
    writer.close()


def test_a_disk_that_fails_stops_recording(tmp_path, monkeypatch):
    def fail(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    monkeypatch.setattr('liquid_control.recording.disk_sync.INTERVAL_S', 0.02)
    monkeypatch.setattr(os, 'fdatasync', fail)
    writer, written = SampleWriter(tmp_path / '0001'), 0
    with pytest.raises(RecordingError, match=r'stopped \(Input/output error\)'):
        for number in range(1, 10**6):
            writer.write(sample(number))
            written = number
    with pytest.raises(RecordingError):
        writer.write(sample(written + 2))
    assert [s.number for s in SampleReader(tmp_path / '0001').read()] == list(range(1, written + 1))
