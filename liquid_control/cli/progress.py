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

"""Progress of long work: a bar with the time left on a terminal, a plain line now and then elsewhere."""
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TextIO

LINE_EVERY_S = 5.0


class PlainLines:
    """Progress as lines, at most one in ``LINE_EVERY_S`` seconds, and the last.

    :param total: steps, or anything that adds up, such as seconds.
    """

    def __init__(self, total: float, title: str, stream: TextIO | None = None, clock=time.monotonic) -> None:
        self._total, self._title, self._clock = total, title, clock
        self._stream = stream or sys.stderr
        self._done, self._note = 0.0, ''
        self._start = self._last = clock()
        self._printed: float | None = None
        self._first: tuple[float, float] | None = None

    def __enter__(self) -> 'PlainLines':
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is None and self._done != self._printed:
            self._print()

    def advance(self, steps: float = 1.0, note: str = '') -> None:
        """Count steps as done; ``note`` says something about them."""
        self.update(self._done + steps, note)

    def update(self, done: float, note: str = '') -> None:
        """Set how much is done; ``note`` says something about it."""
        self._done, self._note = done, note or self._note
        if self._first is None:
            self._first = self._fraction(), self._clock()
        if self._clock() - self._last >= LINE_EVERY_S:
            self._print()

    def _fraction(self) -> float:
        return min(1.0, self._done / self._total) if self._total else 1.0

    def _left_s(self, fraction: float) -> float:
        """Return the seconds left at the pace since the first update, which may be far on in work that was resumed."""
        begun, since = self._first or (0.0, self._start)
        if fraction <= begun:
            begun, since = 0.0, self._start
        return (self._clock() - since) * (1.0 - fraction) / (fraction - begun)

    def _print(self) -> None:
        self._last = self._clock()
        self._printed = self._done
        fraction = self._fraction()
        left = f'{self._left_s(fraction):.0f} s left' if 0.0 < fraction < 1.0 else f'{self._last - self._start:.0f} s'
        note = f'  {self._note}' if self._note else ''
        print(f'{self._title}: {100.0 * fraction:.0f} %, {left}{note}', file=self._stream, flush=True)


class Bar:
    """Progress as a bar on a terminal, with the methods of ``PlainLines``."""

    def __init__(self, total: float, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
        self._progress = Progress(
            TextColumn('{task.description}'), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
            TextColumn('left'), TextColumn('{task.fields[note]}'), console=Console(stderr=True))
        self._task = self._progress.add_task(title, total=total, note='')

    def __enter__(self) -> 'Bar':
        self._progress.start()
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._progress.stop()

    def advance(self, steps: float = 1.0, note: str = '') -> None:
        """Count steps as done; ``note`` says something about them."""
        self._progress.update(self._task, advance=steps, **({'note': note} if note else {}))

    def update(self, done: float, note: str = '') -> None:
        """Set how much is done; ``note`` says something about it."""
        self._progress.update(self._task, completed=done, **({'note': note} if note else {}))


class _Counted:
    """An iterable that shows how far its reader is."""

    def __init__(self, items: Iterable, title: str) -> None:
        self._items = items if isinstance(items, Sized) else list(items)
        self._title = title

    def __iter__(self) -> Iterator:
        with progress(len(self._items), self._title) as bar:
            for item in self._items:
                yield item
                bar.advance()


def progress(work: float | Iterable, title: str) -> 'Bar | PlainLines | _Counted':
    """Show the progress of work on stderr.

    With a number: ``with progress(100, 'Driving') as bar: bar.advance()`` or ``bar.update(done, 'a note')``.
    With an iterable: ``for item in progress(items, 'Reading')``.
    """
    if isinstance(work, Iterable):
        return _Counted(work, title)
    return Bar(work, title) if sys.stderr.isatty() else PlainLines(work, title)
