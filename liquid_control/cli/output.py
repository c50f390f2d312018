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

"""Files that verbs write."""
import json
import os
from pathlib import Path

from liquid_control.errors import InputError
from liquid_control.whole_file import write_whole


def check_writable(path: str | Path | None) -> None:
    """Find out before long work whether a file can be written; None is no file.

    :raises InputError: if it cannot.
    """
    if path is None:
        return
    path = Path(path)
    if path.is_dir():
        raise InputError(f"'{path}' is a folder, a file is to be written; give the path of a file")
    make_folder(path.parent)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"'{path}' cannot be written (no permission); give a writable path")


def make_folder(path: str | Path) -> Path:
    """Return the folder, made if need be.

    :raises InputError: if it cannot be made or written to.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder '{path}' cannot be made ({error.strerror}); give a path that can be") from error
    if not os.access(path, os.W_OK):
        raise InputError(f"folder '{path}' cannot be written to (no permission); give a writable path")
    return path


def write_json(path: str | Path | None, data: dict) -> None:
    """Write the JSON of ``--json``; None writes nothing.

    :raises InputError: if the file cannot be written.
    """
    if path is None:
        return
    check_writable(path)
    write_whole(Path(path), (json.dumps(data, indent=2, allow_nan=False) + '\n').encode())
