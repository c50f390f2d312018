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

"""Reading a donkeycar v4/v5 tub: a folder, or a .tar, .tar.gz, .tar.bz2 or .tar.xz of one, read in place.

A tub is ``manifest.json``, ``*.catalog`` files with one JSON record a line, and ``images/``
(https://docs.donkeycar.com/utility/donkey/#convert-tub). Nothing is extracted: a member of an archive is
read by its name, links are not followed, and a name that is more than a plain file name is refused.
"""
import bz2
import gzip
import json
import lzma
import tarfile
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import cv2
import numpy as np

from liquid_control.errors import InputError
from liquid_control.sensing.compressed import JPEG_END, JPEG_START, check_compressed

ARCHIVE_LIMIT_BYTES = 32 * 2**30
FILE_LIMIT_BYTES = 64 * 2**20
PNG_START = b'\x89PNG\r\n'
MAX_TIME_MS = 1000 * (2**31 - 1)  # what a ROS 2 stamp holds
MAX_NUMBER = 1e9  # of any sensor or control
DEFAULT_PICTURE_FIELD = 'cam/image_array'
IMU_FIELDS = ('imu/gyr_x', 'imu/gyr_y', 'imu/gyr_z', 'imu/acl_x', 'imu/acl_y', 'imu/acl_z')
REMEDY = 'give the folder or the .tar(.gz) of a donkeycar v4/v5 tub (manifest.json, *.catalog, images/)'


@dataclass(frozen=True)
class TubRecord:
    """One record as the tub holds it, its picture by name.

    ``angle`` is donkeycar's (-1 left .. 1 right), ``throttle`` -1 .. 1, both None where no human drove or the
    values are unusable. ``imu`` is gyro x, y, z and acceleration x, y, z in the sensor's own axes and units,
    None where the record has none.
    """

    index: int
    session: str
    time_ms: int
    picture: str
    angle: float | None
    throttle: float | None
    imu: tuple[float, ...] | None


class _Files(Protocol):
    """The files of a tub, wherever they lie."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a regular file given by its path inside the tub, None if there is none."""


class _FolderFiles:
    def __init__(self, path: Path) -> None:
        candidates = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir())]
        roots = [folder for folder in candidates if (folder / 'manifest.json').is_file()]
        self._root = (roots or [path])[0].resolve()

    def read(self, name: str) -> bytes | None:
        try:
            path = (self._root / name).resolve()
            if not path.is_relative_to(self._root) or not path.is_file() or path.stat().st_size > FILE_LIMIT_BYTES:
                return None
            return path.read_bytes()
        except (OSError, ValueError):  # a name that is too long, or none
            return None


class _ArchiveFiles:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        members = {str(PurePosixPath(member.name)): member for member in archive if member.isreg()}
        manifests = [PurePosixPath(name) for name in members if PurePosixPath(name).name == 'manifest.json']
        root = min(manifests, key=lambda name: len(name.parts)).parent if manifests else PurePosixPath('.')
        self._members = {str(PurePosixPath(name).relative_to(root)): member for name, member in members.items()
                         if PurePosixPath(name).is_relative_to(root)}

    def read(self, name: str) -> bytes | None:
        member = self._members.get(name)
        if member is None or member.size > FILE_LIMIT_BYTES:
            return None
        return self._archive.extractfile(member).read()


class Tub:
    """An open tub. ``losses`` counts, by reason, what ``records`` and ``picture`` could not give."""

    def __init__(self, name: str, files: _Files) -> None:
        self.name = name
        self.losses: Counter[str] = Counter()
        self._files = files
        self._catalogs, self._deleted, self._expected, self._picture_field = self._read_manifest()

    def records(self) -> Iterator[TubRecord]:
        """Yield every usable record in the order of its index; read it once."""
        seen: set[int] = set()
        for fields in sorted(self._fields(), key=lambda fields: fields['_index']):
            index = fields['_index']
            if index in seen:
                self.losses['record repeats an index'] += 1
                continue
            seen.add(index)
            if index in self._deleted:
                self.losses['deleted in the manifest'] += 1
                continue
            record = self._record(fields)
            if record is not None:
                yield record
        missing = self._expected - len(seen) - sum(self.losses[reason] for reason in _UNREADABLE)
        if missing > 0:
            self.losses['record named by the manifest is missing'] += missing

    def _read_manifest(self) -> tuple[list[str], frozenset[int], int, str]:
        content = self._files.read('manifest.json')
        if content is None:
            hint = 'convert a v3 tub (record_*.json) with donkeycar scripts/convert_to_tub_v2.py first'
            raise InputError(f"tub '{self.name}' has no manifest.json; {REMEDY}; {hint}")
        try:
            lines = [json.loads(line) for line in content.decode('utf-8').splitlines() if line.strip()]
            state = next(line for line in reversed(lines) if isinstance(line, dict) and 'paths' in line)
            paths = [_plain_name(path) for path in state['paths']]
            deleted = frozenset(int(index) for index in state.get('deleted_indexes', []))
            expected = int(state.get('current_index', 0))
            columns = dict(zip(lines[0], lines[1], strict=False)) if isinstance(lines[1], list) else {}
        except (ValueError, StopIteration, IndexError, TypeError, KeyError, AttributeError, OverflowError,
                RecursionError) as error:
            reason = str(error) or 'it names no catalogs'
            found = f"tub '{self.name}': manifest.json is not of donkeycar v4/v5 ({reason})"
            raise InputError(f'{found}; {REMEDY}') from error
        pictures = [name for name, kind in columns.items() if kind == 'image_array']
        field = DEFAULT_PICTURE_FIELD if DEFAULT_PICTURE_FIELD in pictures or not pictures else pictures[0]
        return paths, deleted, expected, field

    def _fields(self) -> Iterator[dict]:
        for name in self._catalogs:
            content = self._files.read(name)
            if content is None:
                self.losses['catalog file is missing'] += 1
                continue
            for line in content.splitlines():
                fields = _parse_record(line) if line.strip(b' \0\r') else {}
                if fields is None:
                    self.losses['record is not readable'] += 1
                elif fields:
                    yield fields

    def picture(self, record: TubRecord) -> bytes | None:
        """Return a record's picture file, or None, counted in ``losses``, if it is missing or no whole picture."""
        content = self._files.read(f'images/{record.picture}')
        if content is None:
            self.losses['picture is missing'] += 1
        elif not _is_whole_picture(content):
            self.losses['picture is corrupt'] += 1
        else:
            return content
        return None

    def _record(self, fields: dict) -> TubRecord | None:
        try:
            picture = _plain_name(fields.get(self._picture_field))
        except ValueError:
            self.losses['picture name is not a plain file name'] += 1
            return None
        angle, throttle = self._command(fields)
        index, session, time_ms = fields['_index'], str(fields.get('_session_id', '')), fields['_timestamp_ms']
        return TubRecord(index, session, time_ms, picture, angle, throttle, self._imu(fields))

    def _command(self, fields: dict) -> tuple[float | None, float | None]:
        if fields.get('user/mode', 'user') != 'user':
            self.losses['command left out: no human drove'] += 1
            return None, None
        angle, throttle = _number(fields.get('user/angle')), _number(fields.get('user/throttle'))
        if angle is None or throttle is None or max(abs(angle), abs(throttle)) > 1.0:
            self.losses['command left out: angle or throttle is not a number in -1..1'] += 1
            return None, None
        return angle, throttle

    def _imu(self, fields: dict) -> tuple[float, ...] | None:
        values = [_number(fields.get(name)) for name in IMU_FIELDS]
        if all(value is not None for value in values):
            return tuple(values)
        if any(name in fields for name in IMU_FIELDS):
            self.losses['IMU left out: not six numbers'] += 1
        return None


_UNREADABLE = ('record is not readable', 'record repeats an index')


@contextmanager
def open_tub(path: str | Path) -> Iterator[Tub]:
    """Open a tub for reading.

    :raises InputError: if the path is no tub or its manifest is unusable.
    """
    path = Path(path)
    if path.is_dir():
        yield Tub(str(path), _FolderFiles(path))
        return
    if not path.is_file():
        raise InputError(f"tub '{path}' does not exist; {REMEDY}")
    with _plain_archive(path) as stream:
        try:
            archive = tarfile.open(fileobj=stream, mode='r:')
            files = _ArchiveFiles(archive)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise InputError(f"tub '{path}' is not a readable tar archive ({error}); {REMEDY}") from error
        with archive:
            yield Tub(str(path), files)


@contextmanager
def _plain_archive(path: Path) -> Iterator[IO[bytes]]:
    """Open the archive for random access: as it is, or decompressed once into an unnamed temporary file."""
    with path.open('rb') as packed:
        opener = _decompressor(packed.read(6))
        packed.seek(0)
        if opener is None:
            yield packed
            return
        with tempfile.TemporaryFile() as plain:
            try:
                with opener(packed) as unpacked:
                    _copy_limited(unpacked, plain, path)
            except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(f"tub '{path}' cannot be decompressed ({error}); {REMEDY}") from error
            plain.seek(0)
            yield plain


def _decompressor(magic: bytes) -> Callable[[IO[bytes]], IO[bytes]] | None:
    if magic.startswith(b'\x1f\x8b'):
        return gzip.open
    if magic.startswith(b'BZh'):
        return bz2.open
    return lzma.open if magic.startswith(b'\xfd7zXZ') else None


def _copy_limited(source: IO[bytes], target: IO[bytes], path: Path) -> None:
    while block := source.read(2**20):
        target.write(block)
        if target.tell() > ARCHIVE_LIMIT_BYTES:
            limit = f'{ARCHIVE_LIMIT_BYTES >> 30} GiB'
            raise InputError(f"tub '{path}' unpacks to more than {limit}; unpack it yourself and give the folder")


def _parse_record(line: bytes) -> dict | None:
    try:
        fields = json.loads(line)
        if isinstance(fields, dict) and isinstance(fields['_index'], int) and fields['_index'] >= 0:
            fields['_timestamp_ms'] = int(fields['_timestamp_ms'])
            return fields if 0 <= fields['_timestamp_ms'] <= MAX_TIME_MS else None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        pass
    return None


def _is_whole_picture(content: bytes) -> bool:
    if content.startswith(JPEG_START) and JPEG_END not in content[-64:]:
        return False
    try:
        check_compressed(content, 'tub')
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
    except (InputError, cv2.error):
        return False


def _plain_name(name: object) -> str:
    if not isinstance(name, str) or PurePosixPath(name).name != name or name in ('', '..') or not name.isprintable():
        raise ValueError(f'{name!r} is not a plain file name')
    return name


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= MAX_NUMBER:
        return None
    return float(value)
