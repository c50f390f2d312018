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
"""The kinds of files that this package reads, each with a good example, its spoilers and its reader."""
import io
import json
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.evaluation.hostile.mutations import spoil, spoil_json, spoil_safetensors

Spoiler = Callable[[bytes, np.random.Generator], bytes]
PICTURES = 6


@dataclass(frozen=True)
class Subject:
    """A kind of file.

    :param files: the good example, path inside its folder -> content.
    :param spoilers: path -> how to spoil that file; one of them is drawn for each case.
    :param read: reads the example in a folder; InputError is the only error that it may raise.
    :param refused: whether every changed file must be refused.
    :param hostile: files made to attack a careless reader, each to be read once more in every round.
    """

    name: str
    files: dict[str, bytes]
    spoilers: dict[str, tuple[Spoiler, ...]]
    read: Callable[[Path], None]
    refused: bool = False
    hostile: tuple[dict[str, bytes], ...] = field(default=())


def subjects(folder: Path) -> list[Subject]:
    """Return all kinds; their examples are made in a folder."""
    makers = (_policy, _checkpoint, _export, _track, _bag, _sqlite_bag, _samples, _black_box, _tub, _tub_archive,
              _neurons, _study)
    return [make(folder / make.__name__.strip('_')) for make in makers]


class _Attack:
    """What a pickle that runs code looks like."""

    def __reduce__(self) -> tuple:
        import os
        return os.system, ('true',)


def _policy(folder: Path) -> Subject:
    from liquid_control.learning.simulated import new_policy
    from liquid_control.policy.policy_file import load_policy, save_policy
    save_policy(new_policy('ltc', 'small', 0), folder / 'p.safetensors')
    picture, imu, elapsed = torch.zeros(1, 24, 32, 3, dtype=torch.uint8), torch.zeros(1, 6), torch.ones(1, 1)

    def read(place: Path) -> None:
        policy = load_policy(place / 'p.safetensors')
        with torch.inference_mode():
            command, _ = policy(picture, imu, elapsed, policy.initial_state())
        limit = policy.spec.max_steering_rad
        if torch.isfinite(command).all() and abs(float(command[0, 0])) > limit * (1.0 + 1e-6):
            raise AssertionError(f'steering {float(command[0, 0])} is beyond {limit}')

    return Subject('policy', _files(folder), {'p.safetensors': (spoil, spoil_safetensors, spoil_safetensors)}, read,
                   hostile=({'p.safetensors': pickle.dumps(_Attack())}, {'p.safetensors': _torch_pickle()}))


def _checkpoint(folder: Path) -> Subject:
    from liquid_control.learning.checkpoint import Checkpoint, Position, load_checkpoint, save_checkpoint
    from liquid_control.learning.simulated import new_policy
    policy = new_policy('ltc', 'small', 0)
    weights, average, best = ({name: value.detach().clone() for name, value in policy.state_dict().items()}
                              for _ in range(3))
    position = Position(**{name: 0 for name in Position.__dataclass_fields__})
    save_checkpoint(Checkpoint(policy.spec, position, weights, average, {}, best), folder / 'c.safetensors')
    return Subject('checkpoint', _files(folder), {'c.safetensors': (spoil, spoil_safetensors)},
                   lambda place: load_checkpoint(place / 'c.safetensors') and None)


def _export(folder: Path) -> Subject:
    """Return an export, which is code: under another hash than its own it must not even be opened."""
    from liquid_control.driving.load_runner import check_policy
    from liquid_control.learning.simulated import new_policy
    from liquid_control.policy.compiling import export_torchscript
    digest = export_torchscript(new_policy('ltc', 'small', 0), folder / 'p.pt')
    return Subject('export', _files(folder), {'p.pt': (spoil,)},
                   lambda place: check_policy(str(place / 'p.pt'), digest), refused=True,
                   hostile=({'p.pt': _torch_pickle()}, {'p.pt': pickle.dumps(_Attack())}))


def _track(folder: Path) -> Subject:
    from liquid_control.simulation.centre_line_file import read_centre_line
    turn = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
    rows = np.stack((6.0 * np.cos(turn), 4.0 * np.sin(turn), np.full(40, 0.5), np.full(40, 0.5)), 1)
    lines = [', '.join(f'{cell:.3f}' for cell in row) for row in rows]
    _write(folder / 't.csv', '\n'.join(['# x_m, y_m, w_tr_right_m, w_tr_left_m', *lines]).encode())
    return Subject('track', _files(folder), {'t.csv': (spoil,)},
                   lambda place: read_centre_line(place / 't.csv') and None)


def _bag(folder: Path) -> Subject:
    from liquid_control.recording.bag import new_bag
    from liquid_control.recording.recorded_drive import load_drive
    with new_bag(folder / 'bag') as bag:
        for number, picture in enumerate(_pictures()):
            stamp = 10**9 + number * 33_000_000
            bag.write_compressed('/camera/image_raw/compressed', stamp, 'camera', picture, 'png')
            bag.write_imu('/imu/data_raw', stamp, 'imu', np.zeros(3), np.array((0.0, 0.0, 9.81)))
            bag.write_joy('/human_controls', stamp, 'car', (0.1, 0.5))
    metadata = _metadata('bag', 'bag.mcap', 'mcap')
    return Subject('bag', _files(folder), {'bag/bag.mcap': (spoil,), 'bag/metadata.yaml': (spoil,)},
                   lambda place: load_drive(place / 'bag') and None,
                   hostile=tuple({'bag/metadata.yaml': text} for text in metadata))


def _sqlite_bag(folder: Path) -> Subject:
    """Return a bag of the older kind: SQLite."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    from liquid_control.recording.bag import BagWriter
    from liquid_control.recording.recorded_drive import load_drive
    folder.mkdir(parents=True)
    with Writer(folder / 'bag', version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        bag = BagWriter(writer)
        for number, picture in enumerate(_pictures()):
            bag.write_compressed('/camera/image_raw/compressed', 10**9 + number * 33_000_000, 'camera', picture, 'png')
            bag.write_twist('/cmd_vel', 10**9 + number * 33_000_000, 'car', 1.0, 0.1)
    return Subject('bag_sqlite', _files(folder), {'bag/bag.db3': (spoil,), 'bag/metadata.yaml': (spoil,)},
                   lambda place: load_drive(place / 'bag') and None)


def _samples(folder: Path) -> Subject:
    """Return what a killed trainer left."""
    from liquid_control.recording.sample_bag import Sample, SampleWriter, load_samples, recover
    writer = SampleWriter(folder / '0001')
    for number, picture in enumerate(_pictures()):
        writer.write(Sample(10**9 + number * 33_000_000, picture, np.zeros(6, np.float32), Command(0.1, 1.0), None,
                            Command(0.1, 1.0), 'expert', False, number, 0, 'collecting'))
    writer.close()

    def read(place: Path) -> None:
        recover(place)
        load_samples(place / '0001')

    return Subject('samples', _files(folder), {'0001/0001_0.mcap': (spoil,), '0001/metadata.yaml': (spoil,)}, read)


def _black_box(folder: Path) -> Subject:
    from liquid_control.driving.black_box import Entry, ImuSample, Step, Topics
    from liquid_control.driving.pilot import Answer
    from liquid_control.recording.black_box_bag import open_black_box, write_black_box
    zeros = np.zeros(19, np.float32)
    entries = []
    for number, picture in enumerate(_pictures()):
        answer = Answer(None, Command(0.1, 2.0), zeros, zeros, None, zeros[:6], 0.03, number == 0)
        step = Step(answer, 10**9 + number, picture, 'png', 0, 'ab' * 32)
        entries.append(Entry(number, 10**9 + number, 0.03 * number, Command(0.1, 2.0), 'driving', '', 0, step))
    topics = Topics('/camera/image_raw/compressed', '/imu/data_raw', '/cmd_vel', '/drive/neurons', '/drive/black_box')
    imu = [ImuSample(10**9, (0.0, 0.0, 0.0), (0.0, 0.0, 9.81))]
    write_black_box(folder / 'box', topics, {'reason': 'a stop', 'warm_up': '24 x 32'}, entries, imu, {}, 0.33)

    def read(place: Path) -> None:
        with open_black_box(place / 'box') as box:
            box.ticks()

    return Subject('black_box', _files(folder), {'box/box.mcap': (spoil,)}, read)


def _tub(folder: Path) -> Subject:
    _make_tub(folder / 'tub')
    return Subject('tub', _files(folder), {'tub/manifest.json': (spoil, _lines), 'tub/a.catalog': (spoil, _lines),
                                           'tub/images/0.png': (spoil,)}, lambda place: _read_tub(place / 'tub'))


def _tub_archive(folder: Path) -> Subject:
    _make_tub(folder / 'tub')
    for mode in ('', 'gz'):
        with tarfile.open(folder / f'tub.tar{"." * bool(mode)}{mode}', f'w:{mode}') as archive:
            archive.add(folder / 'tub', 'tub')
    files = {name: content for name, content in _files(folder).items() if name.startswith('tub.tar')}
    escape = io.BytesIO()
    with tarfile.open(fileobj=escape, mode='w') as archive:
        for name, link in (('../../canary', ''), ('tub/manifest.json', '/etc/passwd'), ('/canary', '')):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, '')
            archive.addfile(member, io.BytesIO())

    def read(place: Path) -> None:
        for name in files:
            _read_tub(place / name)

    return Subject('tub_archive', files, {name: (spoil,) for name in files}, read,
                   hostile=({'tub.tar': escape.getvalue()},))


def _neurons(folder: Path) -> Subject:
    from liquid_control.audit.neuron_record import load_record
    content, attack = io.BytesIO(), io.BytesIO()
    np.savez_compressed(content, about=np.array('{}'), states=np.zeros((4, 19), np.float32))
    np.savez(attack, about=np.array([_Attack()], object))
    _write(folder / 'n.npz', content.getvalue())
    return Subject('neurons', _files(folder), {'n.npz': (spoil,)}, lambda place: load_record(place / 'n.npz') and None,
                   refused=True, hostile=({'n.npz': attack.getvalue()}, {'n.npz': pickle.dumps(_Attack())}))


def _study(folder: Path) -> Subject:
    from liquid_control.evaluation.study.folder import read_json
    from liquid_control.learning.loop.journal import Journal
    _write(folder / 'plan.json', json.dumps({'seeds': [0, 1], 'networks': ['ltc'], 'tracks': {'a': [1.5]}}).encode())
    _write(folder / 'journal.jsonl', b''.join(json.dumps({'event': 'round', 'round': n}).encode() + b'\n'
                                              for n in range(4)))

    def read(place: Path) -> None:
        for name, reader in (('plan.json', read_json), ('journal.jsonl', Journal)):
            try:
                reader(place / name)
            except InputError:
                if name == 'journal.jsonl':
                    raise

    return Subject('study_and_journal', _files(folder), {'plan.json': (spoil,), 'journal.jsonl': (spoil, _lines)}, read)


def _pictures() -> list[bytes]:
    rng = np.random.default_rng(0)
    return [cv2.imencode('.png', rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))[1].tobytes()
            for _ in range(PICTURES)]


def _make_tub(folder: Path) -> None:
    manifest = [['cam/image_array'], ['image_array'], {}, {}, {'paths': ['a.catalog'], 'current_index': PICTURES,
                                                               'deleted_indexes': [1]}]
    records = [{'_index': n, '_session_id': 'a', '_timestamp_ms': 1000 * n, 'cam/image_array': f'{n}.png',
                'user/angle': 0.1, 'user/throttle': 0.5, 'user/mode': 'user', 'imu/gyr_x': 0.0}
               for n in range(PICTURES)]
    for name, lines in (('manifest.json', manifest), ('a.catalog', records)):
        _write(folder / name, b''.join(json.dumps(line).encode() + b'\n' for line in lines))
    for number, picture in enumerate(_pictures()):
        _write(folder / 'images' / f'{number}.png', picture)


def _read_tub(path: Path) -> None:
    from liquid_control.recording.tub import open_tub
    with open_tub(path) as tub:
        for record in tub.records():
            tub.picture(record)


def _lines(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil one line of a file of JSON lines, so that it is JSON still."""
    lines = [json.loads(line) for line in content.splitlines()]
    place = int(rng.integers(len(lines)))
    lines[place] = spoil_json(lines[place], rng)
    return b''.join(json.dumps(line).encode() + b'\n' for line in lines)


def _metadata(name: str, file: str, plugin: str) -> list[bytes]:
    """Return metadata.yaml of bags that name files elsewhere, or YAML that makes objects."""
    texts = []
    for path in ('../../canary.mcap', '/etc/passwd', '/dev/zero', file):
        content = {'version': 9, 'storage_identifier': plugin, 'relative_file_paths': [path], 'message_count': 1,
                   'duration': {'nanoseconds': 1}, 'starting_time': {'nanoseconds_since_epoch': 1},
                   'topics_with_message_count': [], 'compression_format': '', 'compression_mode': '',
                   'files': [], 'custom_data': {}}
        texts.append(json.dumps({'rosbag2_bagfile_information': content}).encode())
    attack = b'rosbag2_bagfile_information: !!python/object/apply:os.system ["true"]\n'
    bomb = b'a: &a [x, x]\n' + b''.join(b'%c: &%c [*%c, *%c, *%c]\n' % (n + 1, n + 1, n, n, n)
                                        for n in range(ord('a'), ord('w')))
    return [*texts, attack, bomb]


def _torch_pickle() -> bytes:
    content = io.BytesIO()
    torch.save({'a': _Attack()}, content)
    return content.getvalue()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}
