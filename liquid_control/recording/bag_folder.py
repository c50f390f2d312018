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

"""The folder of a rosbag2 bag of several MCAP files: which they are, and the metadata.yaml that makes it a bag."""
from collections import Counter
from pathlib import Path

import yaml

from liquid_control.recording.bag import METADATA_VERSION, message_types
from liquid_control.recording.mcap_file import summary_of
from liquid_control.whole_file import replace_whole

METADATA = 'metadata.yaml'


def mcap_files(bag: Path) -> list[Path]:
    """Return the MCAP files of a bag's folder, oldest first: NAME_0.mcap, NAME_1.mcap and so on."""
    return sorted(bag.glob('*.mcap'), key=lambda path: (len(path.name), path.name))


def bags_in(folder: Path) -> list[Path]:
    """Return the folders in a folder that hold MCAP files, in the order of their names."""
    return sorted({path.parent for path in folder.glob('*/*.mcap')}, key=lambda path: (len(path.name), path.name))


def listed_files(bag: Path) -> list[str]:
    """Return the names of the files that a bag's metadata.yaml lists; none if there is no readable one."""
    try:
        content = yaml.safe_load((bag / METADATA).read_text())
        return list(content['rosbag2_bagfile_information']['relative_file_paths'])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError):
        return []


def write_metadata(bag: Path, files: list[Path]) -> None:
    """Write a bag's metadata.yaml, whole, from the indexes of its finished files.

    :raises OSError: if it cannot be written.
    :raises InputError: if a file is damaged.
    """
    described = [_describe(path) for path in files]
    counts, kinds = Counter(), {}
    for _, topics in described:
        for topic, (kind, qos, count) in topics.items():
            counts[topic] += count
            kinds[topic] = kind, qos
    parts = [part for part, _ in described]
    start, span = _span(parts)
    content = {
        'version': METADATA_VERSION, 'storage_identifier': 'mcap',
        'relative_file_paths': [part['path'] for part in parts],
        'duration': {'nanoseconds': span}, 'starting_time': {'nanoseconds_since_epoch': start},
        'message_count': sum(counts.values()),
        'topics_with_message_count': [_topic(name, *kinds[name], counts[name]) for name in sorted(kinds)],
        'compression_format': '', 'compression_mode': '', 'files': parts, 'custom_data': None,
        'ros_distro': 'jazzy'}
    text = yaml.safe_dump({'rosbag2_bagfile_information': content}, sort_keys=False)
    replace_whole(bag / METADATA, text.encode())


def _describe(path: Path) -> tuple[dict, dict]:
    """Return what metadata.yaml says of a file, and of each of its topics: message type, QoS and number."""
    summary = summary_of(path)
    statistics = summary.statistics
    start = statistics.message_start_time
    part = {'path': path.name, 'starting_time': {'nanoseconds_since_epoch': start},
            'duration': {'nanoseconds': statistics.message_end_time - start},
            'message_count': statistics.message_count}
    topics = {}
    for number, channel in summary.channels.items():
        count = statistics.channel_message_counts.get(number, 0)
        qos = yaml.safe_load(channel.metadata.get('offered_qos_profiles', '')) or []
        topics[channel.topic] = summary.schemas[channel.schema_id].name, qos, count
    return part, topics


def _span(parts: list[dict]) -> tuple[int, int]:
    starts = [part['starting_time']['nanoseconds_since_epoch'] for part in parts]
    ends = [start + part['duration']['nanoseconds'] for start, part in zip(starts, parts)]
    return min(starts), max(ends) - min(starts)


def _topic(name: str, kind: str, qos: list, count: int) -> dict:
    described = {'name': name, 'type': kind, 'serialization_format': 'cdr', 'offered_qos_profiles': qos,
                 'type_description_hash': message_types().hash_rihs01(kind)}
    return {'topic_metadata': described, 'message_count': count}
