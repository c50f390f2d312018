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
"""The thread behind a black box: it packs pictures, and writes the box to disk when asked."""
import queue
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from liquid_control.driving.black_box import BlackBox, Topics
from liquid_control.policy.policy_file import PolicyBytes
from liquid_control.recording.bag import message_types
from liquid_control.recording.black_box_bag import write_black_box

PACK_S = 0.5
PATIENCE_S = 0.1
BOXES = 10
POLICIES = 4
Item = TypeVar('Item')
MAX_POLICY_BYTES = 32 * 2**20
NAME = re.compile(r'\d{8}_\d{6}_\d{6}')


class BlackBoxWriter:
    """Packs and writes beside the ticks; the newest ten boxes of a folder are kept.

    The thread has the priority of the ticks: on a busy machine one of low priority would not run for seconds while it
    holds Python's lock. Work on pictures lets go of it; the rest is done between ticks, message by message.

    Whatever goes wrong is a line of ``news``; a box is on the disk whole or not at all.

    :param folder: of the boxes, each a bag named by its time in UTC.
    :param about: gives what the box shall say of itself.
    :param between_ticks: set while no tick is under way.
    """

    def __init__(self, box: BlackBox, folder: Path, topics: Topics, wheelbase_m: float,
                 about: Callable[[], dict[str, str]], between_ticks: threading.Event) -> None:
        self._box, self._folder, self._topics, self._about = box, folder, topics, about
        self._wheelbase_m, self._between_ticks = wheelbase_m, between_ticks
        self._asked: queue.SimpleQueue[tuple[Path, str] | None] = queue.SimpleQueue()
        self._policies: dict[str, PolicyBytes] = {}
        self.news: deque[tuple[bool, str]] = deque(maxlen=10)
        self.written = 0
        self._thread = threading.Thread(target=self._work, name='black_box', daemon=True)
        self._thread.start()

    def drives(self, file: PolicyBytes) -> None:
        """Take note of the policy file that drives from now on, so that it can lie in the box."""
        self._policies = dict([*self._policies.items(), (file.sha256, file)][-POLICIES:])

    def save(self, reason: str) -> Path:
        """Ask for the box as it is now; return the path that the bag will have."""
        path = self._folder / f'{datetime.now(UTC):%Y%m%d_%H%M%S_%f}'
        self._asked.put((path, reason))
        return path

    def close(self, patience_s: float) -> None:
        """Finish what was asked for, if it does not take too long, and end."""
        self._asked.put(None)
        self._thread.join(patience_s)

    def _work(self) -> None:
        message_types()  # takes two tenths of a second: now, not when the first box is written beside ticks
        while True:
            try:
                asked = self._asked.get(timeout=PACK_S)
            except queue.Empty:
                self._attempt('keep pictures', self._box.pack)
                continue
            if asked is None:
                return
            self._attempt(f"write '{asked[0]}'", self._write, *asked)

    def _attempt(self, what: str, action: Callable[..., None], *arguments: object) -> None:
        try:
            action(*arguments)
        except Exception as error:  # noqa: B902 a full disk, whatever it is: driving goes on
            self.news.append((False, f'the black box could not {what}: {" ".join(str(error).split())[:300]}'))

    def _write(self, path: Path, reason: str) -> None:
        start = time.monotonic()
        self._box.pack()
        entries, imu = self._box.contents()
        used = {entry.step.policy for entry in entries if entry.step is not None}
        files = [file for file in self._policies.values() if file.sha256 in used]
        about = {'reason': reason, **self._about(), **{f'policy {file.sha256}': str(file.path) for file in files}}
        write_black_box(path, self._topics, about, entries, imu, {
            file.sha256: file.content for file in files if _is_data(file)}, self._wheelbase_m, self._paced)
        self.written += 1
        self.news.append((True, f"the black box of '{reason}' is in '{path}' ({len(entries)} ticks, "
                                f'{time.monotonic() - start:.1f} s)'))
        _tidy(self._folder)

    def _paced(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if not self._between_ticks.wait(PATIENCE_S):
                self._between_ticks.set()  # no tick takes so long: whoever began it failed, and others must not wait
            yield item


def _is_data(file: PolicyBytes) -> bool:
    """Whether a box may hold the policy: exports are code, which must not travel with data."""
    return file.path.suffix == '.safetensors' and len(file.content) <= MAX_POLICY_BYTES


def _tidy(folder: Path) -> None:
    """Remove all but the newest boxes, and what a killed process left."""
    boxes = sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name) and path.is_dir())
    torn = [path for path in folder.iterdir() if path.name.startswith('.') and NAME.match(path.name[1:])]
    for path in boxes[:-BOXES] + torn:
        shutil.rmtree(path, ignore_errors=True)
