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

"""The whole comparison on recorded drives: what has to be done, in which order, and what comes out."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.evaluation.drives import parts
from liquid_control.evaluation.drives.contestants import CONTESTANTS, REFERENCE
from liquid_control.evaluation.drives.plan import LEARNING, TRYING, DrivesPlan
from liquid_control.evaluation.open_loop import compare, repeat_previous
from liquid_control.evaluation.segments import SEGMENT_S, difference_interval, mean_interval, segments_of
from liquid_control.evaluation.study.folder import read_json, write_json_whole
from liquid_control.evaluation.study.jobs import Part, run_parts
from liquid_control.learning.recorded import DriveSettings, left_out_of_learning
from liquid_control.recording.recorded_drive import RecordedDrive, load_drive

LEAST_PICTURES = 100


class Drives:
    """Recorded drives to compare on and the folder that holds what is done."""

    def __init__(self, bags: list[str], root: str | Path, plan: DrivesPlan) -> None:
        """Read the drives.

        :raises InputError: if a bag is unusable or too short, or two have one name, or the folder holds another plan.
        """
        self.root, self.plan, self.bags = Path(root), plan, bags
        self.names = [Path(bag).name for bag in bags]
        if len(set(self.names)) < len(bags):
            raise InputError(f"two bags are called '{max(self.names, key=self.names.count)}'; rename one")
        self.drives: list[RecordedDrive] = [load_drive(bag) for bag in bags]
        for drive in self.drives:
            if len(drive) < LEAST_PICTURES:
                raise InputError(f"drive '{drive.name}' has {len(drive)} pictures, {LEAST_PICTURES} are the fewest; "
                                 'record a longer one')
        self._claim()

    def parts(self) -> list[Part]:
        """Return all parts, those that others wait for first."""
        listed: list[Part] = []
        for name in self.plan.names:
            for bag, drive in zip(self.bags, self.drives, strict=True):
                if drive.has_imu or not CONTESTANTS[name].imu:
                    listed += self._parts_of(bag, drive, name)
        return listed

    def result(self, drive: str, name: str, seed: int) -> Path:
        """Return the file with what one learned policy answered."""
        return self.root / drive / f'{name}_seed_{seed}.json'

    def tries(self, drive: str, name: str) -> tuple[Path, ...]:
        """Return the files with the errors of each choice of settings."""
        count = len(CONTESTANTS[name].choices())
        return tuple(self.root / drive / 'tries' / f'{name}_{choice}.json' for choice in range(count))

    def _parts_of(self, bag: str, drive: RecordedDrive, name: str) -> list[Part]:
        tries, weight = self.tries(drive.name, name), len(drive) * (5.0 if name == REFERENCE else 1.0)
        title = f'{drive.name}: {CONTESTANTS[name].title}'
        own = (bag, name)
        return [
            *(Part(f'{title}, choice {choice + 1} of {len(tries)}', parts.try_part,
                   (*own, choice, self.plan, path), path, (), TRYING * weight) for choice, path in enumerate(tries)),
            *(Part(f'{title}, seed {seed}', parts.learn_part, (*own, seed, self.plan, tries, path), path, tries,
                   LEARNING * weight)
              for seed in range(self.plan.seeds) for path in [self.result(drive.name, name, seed)])]

    def _claim(self) -> None:
        path, content = self.root / 'plan.json', {
            **self.plan.to_json(), 'drives': {drive.name: len(drive) for drive in self.drives}}
        if not path.exists():
            write_json_whole(path, content)
        elif read_json(path) != content:
            raise InputError(f"folder '{self.root}' holds a comparison of other drives or options; "
                             'give the same to go on with it, or another folder')


def compare_drives(drives: Drives, workers: int, on_done: Callable[[Part], None]) -> dict:
    """Do what is left and return a row for each drive and contestant, and what was learned from.

    :param on_done: called with every part as it is done.
    """
    run_parts(drives.parts(), workers, on_done)
    return {
        'plan': drives.plan.to_json(),
        'segment_s': SEGMENT_S,
        'drives': [_about(drive) for drive in drives.drives],
        'rows': [row for drive in drives.drives for row in _rows(drives, drive)]}


def _about(drive: RecordedDrive) -> dict:
    first = drive.part(0, int(LEARNING * len(drive)))
    return {
        'drive': drive.name, 'pictures': len(drive), 'tested_on': len(drive) - len(first), 'imu': drive.has_imu,
        'left_out': dict(drive.left_out), 'not_learned_from': dict(left_out_of_learning(first, DriveSettings.steps))}


def _rows(drives: Drives, drive: RecordedDrive) -> list[dict]:
    cut = int(LEARNING * len(drive))
    first, rest = drive.part(0, cut), drive.part(cut, len(drive))
    segments = segments_of(rest.stamps)
    answers = {
        name: [read_json(drives.result(drive.name, name, seed)) for seed in range(drives.plan.seeds)]
        for name in drives.plan.names if drive.has_imu or not CONTESTANTS[name].imu}
    steering = {name: np.array([one['steering'] for one in rows]) for name, rows in answers.items()}
    reference = np.abs(steering[REFERENCE] - rest.steering)
    rows = []
    for name, predicted in steering.items():
        row = _row(drive.name, CONTESTANTS[name].title, predicted, rest, segments)
        tries = drives.tries(drive.name, name)
        chosen = read_json(tries[parts.best_choice(tries)])
        row |= {'policy': name, 'parameters': answers[name][0]['parameters'], 'imu': CONTESTANTS[name].imu,
                'chosen': chosen['settings'], 'tuning_mae': chosen['steering_mae']}
        if name != REFERENCE:
            errors = np.abs(predicted - rest.steering)
            row |= {'ratio': row['mae']['mean'] / float(reference.mean()),
                    'difference': asdict(difference_interval(errors, reference, segments))}
        rows.append(row)
    mean = np.full((1, len(rest)), first.steering.mean())
    rows.append(_row(drive.name, 'always the mean', mean, rest, segments))
    rows.append(_row(drive.name, 'the previous command', repeat_previous(rest)[None], rest, segments))
    return rows


def _row(drive: str, title: str, predicted: np.ndarray, rest: RecordedDrive, segments: np.ndarray) -> dict:
    """Return mean error with its interval, and R2 for each seed; ``predicted`` is [seeds, N]."""
    return {
        'drive': drive, 'title': title, 'samples': len(rest),
        'mae': asdict(mean_interval(np.abs(predicted - rest.steering), segments)),
        'mae_of_seeds': [compare(one, rest.steering).steering_mae for one in predicted],
        'r2_of_seeds': [compare(one, rest.steering).steering_r2 for one in predicted]}
