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
"""Hostile files by the hundred thousand: every one is read or refused with one line, and nothing else happens."""
import resource
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.evaluation.hostile.guard import Guard
from liquid_control.evaluation.hostile.subjects import Subject, subjects

MAX_SECONDS = 20
MAX_GROWTH_KIB = 512 * 1024
MAX_FINDINGS = 100


@dataclass
class Outcome:
    """What became of the files of one kind."""

    kind: str
    files: int = 0
    refused: int = 0
    slowest_s: float = 0.0


@dataclass
class Findings:
    """The result: an outcome for each kind, and what must not be, in words with the number that makes it again.

    :param peak_mib: of resident memory at the end; ``start_mib``: after the first, good files.
    """

    outcomes: list[Outcome]
    problems: list[str] = field(default_factory=list)
    start_mib: float = 0.0
    peak_mib: float = 0.0


def read_hostile_files(count: int, seed: int, first: int = 0,
                       on_file: Callable[[int], None] = lambda _done: None) -> Findings:
    """Spoil the good example of each kind in turns, ``count`` times in all, and read it.

    File number N of a seed is always the same file. Those made to attack are read first.

    :param first: number of the first file, to see one again.
    """
    guard = Guard()
    with tempfile.TemporaryDirectory(prefix='hostile_') as root, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for place in Path(root), Path(root) / 'work':  # what names with ../ lead to
            place.mkdir(exist_ok=True)
            for name in 'canary', 'canary.mcap':
                (place / name).write_bytes(b'')
        kinds = subjects(Path(root) / 'good')
        cases = [_Case(kind, Path(root) / 'work' / kind.name, guard) for kind in kinds]
        findings = Findings([case.outcome for case in cases])
        for case in cases:
            case.warm_up()
        findings.start_mib = _peak_kib() / 1024
        for case in cases:
            for number, files in enumerate(case.kind.hostile):
                case.read(files, f'{case.kind.name}, attack {number}', findings.problems)
        for number in range(first, first + count):
            case = cases[number % len(cases)]
            case.read(case.spoilt(np.random.default_rng((seed, number))), f'{case.kind.name}, file {number}',
                      findings.problems)
            on_file(number - first + 1)
            if len(findings.problems) >= MAX_FINDINGS:
                break
        findings.peak_mib = _peak_kib() / 1024
    return findings


class _Case:
    """One kind of file being tried."""

    def __init__(self, kind: Subject, folder: Path, guard: Guard) -> None:
        self.kind, self.outcome = kind, Outcome(kind.name)
        self._folder, self._guard = folder, guard

    def warm_up(self) -> None:
        """Read the good example, which imports what reading needs, and a broken one; the first must not be refused."""
        self._lay({})
        try:
            self.kind.read(self._folder)
        except InputError:
            if not self.kind.refused:
                raise
        self._lay({name: b'' for name in self.kind.spoilers})
        try:
            self.kind.read(self._folder)
        except Exception:  # noqa: B902 what is wrong will be found
            pass

    def spoilt(self, rng: np.random.Generator) -> dict[str, bytes]:
        """Return the files that are to be other than in the good example."""
        names = list(self.kind.spoilers)
        name = names[rng.integers(len(names))]
        spoilers = self.kind.spoilers[name]
        return {name: spoilers[rng.integers(len(spoilers))](self.kind.files[name], rng)}

    def read(self, changed: dict[str, bytes], label: str, problems: list[str]) -> None:
        """Read the example with some files changed; whatever must not happen is added to the problems."""
        self._lay(changed)
        refusal, start, before = '', time.monotonic(), _peak_kib()
        tempfile.tempdir = str(self._folder)  # where readers unpack to
        try:
            with _time_limit(), self._guard.armed(self._folder):
                self.kind.read(self._folder)
        except InputError as error:
            refusal = str(error)
            if '\n' in refusal or not refusal:
                problems.append(f'{label}: its refusal is not one line: {refusal[:200]!r}')
        except (Exception, RecursionError) as error:  # noqa: B902 this is what is looked for
            problems.append(f'{label}: {type(error).__name__}: {str(error)[:200]}')
        finally:
            tempfile.tempdir = None
        spent, grown = time.monotonic() - start, _peak_kib() - before
        if grown > MAX_GROWTH_KIB:
            problems.append(f'{label}: took {grown // 1024} MiB')
        if self.kind.refused and not refusal and changed != {name: self.kind.files[name] for name in changed}:
            problems.append(f'{label}: was not refused')
        problems += [f'{label}: {found}' for found in self._guard.found]
        self._guard.found.clear()
        self.outcome.files += 1
        self.outcome.refused += bool(refusal)
        self.outcome.slowest_s = max(self.outcome.slowest_s, spent)

    def _lay(self, changed: dict[str, bytes]) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        for name, content in (self.kind.files | changed).items():
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_bytes(content)


@contextmanager
def _time_limit():
    """Raise TimeoutError in what takes too long."""
    def expire(_number: int, _frame: object) -> None:
        raise TimeoutError(f'took more than {MAX_SECONDS} s')

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
