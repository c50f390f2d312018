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
"""Notices what reading a file must never do: run code, start a process, talk to a network, leave its folder.

It sees what Python itself reports (PEP 578), however deep in whatever library.
"""
import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORBIDDEN = frozenset((
    'os.system', 'subprocess.Popen', 'os.exec', 'os.posix_spawn', 'os.spawn', 'os.fork', 'os.forkpty',
    'pickle.find_class', 'code.__new__', 'socket.connect', 'socket.bind', 'ctypes.dlopen', 'exec', 'marshal.loads',
    'marshal.load'))
MODULES = frozenset(('exec', 'marshal.loads', 'marshal.load', 'ctypes.dlopen', 'code.__new__'))
CHANGES = frozenset(('os.remove', 'os.rename', 'os.rmdir', 'os.mkdir', 'os.truncate', 'shutil.rmtree', 'os.link',
                     'os.symlink', 'os.chmod'))
_OWN = tuple(sorted({os.path.realpath(path) for path in (
    sys.prefix, sys.base_prefix, sysconfig.get_path('stdlib'), *site.getsitepackages(), '/proc', '/sys', '/dev/null',
    '/dev/urandom', '/usr', str(Path(__file__).parents[2]))}))


class Guard:
    """Watches while it is ``armed``; ``found`` holds what it saw, in words."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._folder = ''
        self._armed = False
        sys.addaudithook(self._hear)

    @contextmanager
    def armed(self, folder: Path) -> Iterator[None]:
        """Watch while the body runs; it may read and write in a folder only."""
        self._folder, self._armed = os.path.realpath(folder), True
        try:
            yield
        finally:
            self._armed = False

    def _hear(self, event: str, arguments: tuple) -> None:
        if not self._armed:
            return
        self._armed = False
        try:
            if event in FORBIDDEN:
                if not (event in MODULES and _importing()):
                    self.found.append(f'{event} {str(arguments)[:160]}')
            elif (event == 'open' or event in CHANGES) and arguments and not self._inside(arguments[0]):
                self.found.append(f'{event} outside its folder: {str(arguments)[:160]}')
        finally:
            self._armed = True

    def _inside(self, path: object) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return True
        try:
            real = os.path.realpath(os.fsdecode(path))
        except ValueError:
            return True  # it holds a zero and cannot be opened
        return real.startswith((self._folder, *_OWN))


def _importing() -> bool:
    """Whether a module of this installation is being imported for the first time, as error paths do."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith('<frozen importlib'):
            return True
        frame = frame.f_back
    return False
