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

"""The diary of a work folder: one JSON object a line, never changed, on disk before it counts."""
import errno
import json
import os
from pathlib import Path
from typing import Any

from liquid_control.errors import InputError


class Journal:
    """Appends lines; a line that a kill tore is cut off at the next start.

    :ivar lines: everything written, by this process and those before it.
    :raises InputError: if the file cannot be read or is no journal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        try:
            content = path.read_bytes() if path.exists() else b''
            whole = content[:content.rfind(b'\n') + 1]
            if len(whole) < len(content):
                os.truncate(path, len(whole))
        except OSError as error:
            raise InputError(f"journal '{path}' cannot be read ({error.strerror}); give another folder") from error
        for number, line in enumerate(whole.splitlines(), start=1):
            self.lines.append(_parsed(path, number, line))

    def write(self, values: dict[str, Any]) -> None:
        """Append a line and wait until it is on disk.

        :raises InputError: if the disk does not take it; what it took of the line is cut off.
        """
        self.lines.append(values)
        data = json.dumps(values).encode() + b'\n'
        try:
            with self.path.open('ab', buffering=0) as file:
                size = file.tell()
                if file.write(data) != len(data):
                    file.truncate(size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(f"journal '{self.path}' cannot be written ({error.strerror}); free some space") from error

    def last(self, event: str) -> dict[str, Any] | None:
        """Return the newest line of an event."""
        return next((line for line in reversed(self.lines) if line.get('event') == event), None)

    def all(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of an event, oldest first."""
        return [line for line in self.lines if line.get('event') == event]


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InputError(f"journal '{path}' line {number} is not a JSON object; correct it or give another folder")
    return values
