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

"""Bringing a growing file to the disk each second, so that a loss of power takes little."""
import os
import threading
from pathlib import Path

INTERVAL_S = 1.0


class DiskSync:
    """Has the system write a file to the disk each second, in a thread of its own: a slow disk delays no writer.

    :ivar problem: what the disk answered when it could not; None while it can.
    """

    def __init__(self, handle: int, path: Path) -> None:
        self._handle, self._folder = os.dup(handle), path.parent
        self._written, self._ending = threading.Event(), threading.Event()
        self.problem: OSError | None = None
        self._thread = threading.Thread(target=self._run, name='disk', daemon=True)
        self._thread.start()

    def note(self) -> None:
        """Take note that something was written."""
        self._written.set()

    def close(self) -> None:
        """End, once what is under way is done."""
        self._ending.set()
        self._thread.join()
        os.close(self._handle)

    def _run(self) -> None:
        try:
            _sync_folder(self._folder)
            while not self._ending.wait(INTERVAL_S):
                if self._written.is_set():
                    self._written.clear()
                    os.fdatasync(self._handle)
        except OSError as error:
            self.problem = error


def _sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
