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

"""Policies that a loop compares, and the best of them."""
from dataclasses import dataclass, replace
from pathlib import Path

from liquid_control.errors import InputError
from liquid_control.learning.loop.journal import Journal
from liquid_control.learning.loop.plan import Plan
from liquid_control.learning.loop.work_folder import WorkFolder
from liquid_control.share import share_path

UNTRAINED_SCORE = 0.0


@dataclass(frozen=True)
class Contender:
    """A policy file that was checked.

    :param round: that learned it; 0 for the one that the loop began with.
    :param score: how well it drives, 0..1; None when nobody knows.
    :param untrained: whether it has learned nothing at all.
    """

    path: Path
    sha256: str
    round: int
    score: float | None = None
    untrained: bool = False

    def scored(self, score: float) -> 'Contender':
        """Return it with a score."""
        return replace(self, score=score)


def checked(path: Path, number: int) -> Contender:
    """Read a policy whole, as one that shall drive.

    :raises InputError: if the file is no usable policy.
    """
    from liquid_control.policy.policy_file import load_policy, sha256_of
    sha256 = sha256_of(path) if path.is_file() else ''
    load_policy(path)
    return Contender(path, sha256, number)


def crown(contender: Contender, folder: WorkFolder) -> None:
    """Write ``best.safetensors``, whole or not at all.

    :raises InputError: if the disk does not take it.
    """
    from liquid_control.whole_file import write_whole
    write_whole(folder.best, contender.path.read_bytes())


def first_champion(folder: WorkFolder, journal: Journal, plan: Plan, given: str) -> Contender:
    """Return the policy to begin with: the best of the sessions before, or the one given, or an untrained one.

    :param given: path of a policy file, or empty.
    :raises InputError: if a policy given or found cannot be used.
    """
    if folder.best.exists():
        return _of_last_session(folder, journal)
    if given:
        return checked(_found(given), 0)
    return replace(_untrained(folder, plan), score=UNTRAINED_SCORE, untrained=True)


def _found(given: str) -> Path:
    path = Path(given).expanduser()
    try:
        return path.absolute() if path.exists() or path.is_absolute() else share_path(given)
    except FileNotFoundError:
        return path


def _of_last_session(folder: WorkFolder, journal: Journal) -> Contender:
    best = checked(folder.best, 0)
    for line in reversed(journal.all('judged')):
        if line.get('sha256') == best.sha256:
            kept = folder.candidate(int(line['round']))
            path = kept if _same(kept, best.sha256) else folder.best
            return Contender(path, best.sha256, int(line['round']), float(line['score']))
    return best


def _same(path: Path, sha256: str) -> bool:
    from liquid_control.policy.policy_file import sha256_of
    return path.is_file() and sha256_of(path) == sha256


def _untrained(folder: WorkFolder, plan: Plan) -> Contender:
    from liquid_control.learning.simulated import new_policy
    from liquid_control.policy.policy_file import save_policy
    path = folder.candidate(0)
    try:
        return checked(path, 0)
    except InputError:
        save_policy(new_policy(plan.cell, plan.head, plan.seed), path)
        return checked(path, 0)
