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
"""Files and folders that appear whole or not at all, also when the process is killed or the power goes."""
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liquid_control.errors import InputError

PART = '.part'


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one, never a part.

    :raises InputError: if the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, content)
    except OSError as error:
        raise InputError(f"'{path}' cannot be written ({error}); give a writable path with free space") from error


def replace_whole(path: Path, content: bytes) -> None:
    """Do what ``write_whole`` does in a folder that exists.

    A device or a pipe takes the content as it comes.

    :raises OSError: if it cannot be written. A killed process may leave a hidden file that ends in ``PART``.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.', suffix=PART)
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a path to make a folder at, which is moved to ``path`` when the block ends without an error.

    :raises OSError: if the place cannot be written, or holds something already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    around = Path(tempfile.mkdtemp(prefix=f'.{path.name}.', dir=path.parent))
    try:
        yield around / path.name
        for entry in (around / path.name).rglob('*'):
            if entry.is_file():
                sync(entry)
        sync(around / path.name)
        (around / path.name).rename(path)
        sync(path.parent)
    finally:
        shutil.rmtree(around, ignore_errors=True)


def sync(path: Path) -> None:
    """Bring the names in a folder, or the content of a file, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
