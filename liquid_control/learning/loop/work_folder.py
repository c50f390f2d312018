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

"""What lies where in the folder of a closed loop."""
import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from liquid_control.errors import InputError


@dataclass(frozen=True)
class WorkFolder:
    """The paths in a work folder."""

    root: Path

    @property
    def bags(self) -> Path:
        """Folder of the bags, one a round or session."""
        return self.root / 'bags'

    @property
    def policies(self) -> Path:
        """Folder of the candidates."""
        return self.root / 'policies'

    @property
    def best(self) -> Path:
        """The best policy so far."""
        return self.root / 'best.safetensors'

    @property
    def journal(self) -> Path:
        """What happened."""
        return self.root / 'journal.jsonl'

    @property
    def report(self) -> Path:
        """The summary for people."""
        return self.root / 'report.json'

    def candidate(self, number: int) -> Path:
        """Return where the policy of a round goes; number 0 is the one that the loop began with."""
        return self.policies / f'round_{number:03d}.safetensors'


def open_folder(path: str) -> tuple[WorkFolder, IO[str]]:
    """Make the folder where there is none and lock it; the lock goes with the returned file.

    :raises InputError: if it cannot be used or another trainer uses it.
    """
    if not path.strip():
        raise InputError("folder = '' is empty; give the folder to work in, for example folder:=runs/loop")
    folder = WorkFolder(Path(path).expanduser().absolute())
    try:
        for place in folder.bags, folder.policies:
            place.mkdir(parents=True, exist_ok=True)
        lock = (folder.root / '.lock').open('w')
    except OSError as error:
        raise InputError(f"folder '{path}' cannot be used ({error.strerror}); give one you may write to") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise InputError(f"folder '{path}' is in use by another trainer; end it or give another folder") from error
    for leftover in [*folder.root.glob('.*.safetensors.*'), *folder.policies.glob('.*.safetensors.*')]:
        leftover.unlink(missing_ok=True)
    return folder, lock
