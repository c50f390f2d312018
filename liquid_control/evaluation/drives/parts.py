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

"""The parts of a comparison on recorded drives; each leaves one file, whole, and needs nothing but its arguments."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from liquid_control.evaluation.drives.contestants import CONTESTANTS
from liquid_control.evaluation.drives.plan import LEARNING, TRYING, DrivesPlan
from liquid_control.evaluation.open_loop import compare, predict
from liquid_control.evaluation.study.folder import read_json, write_json_whole
from liquid_control.learning.recorded import DriveSettings, drive_policy, enough_frames, learn_from_drives
from liquid_control.learning.simulated import Budget
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.policy_file import save_policy
from liquid_control.recording.recorded_drive import RecordedDrive, load_drive

TRY_SEED = 1000


def try_part(bag: str, name: str, choice: int, plan: DrivesPlan, result: Path) -> None:
    """Learn from the first 64 % of a drive with one choice of settings and test on the slice up to 80 %."""
    drive = load_drive(bag)
    start, stop = int(TRYING * len(drive)), int(LEARNING * len(drive))
    settings = CONTESTANTS[name].choices()[choice]
    policy = _learn(drive.part(0, start), name, settings, TRY_SEED, plan)
    slice_ = drive.part(start, stop)
    error = compare(predict(policy, slice_), slice_.steering)
    write_json_whole(result, {'choice': choice, 'settings': asdict(settings), **asdict(error)})


def learn_part(bag: str, name: str, seed: int, plan: DrivesPlan, tries: tuple[Path, ...], result: Path) -> None:
    """Learn from the first 80 % of a drive with the best choice; leave the policy and its steering on the rest."""
    drive = load_drive(bag)
    cut = int(LEARNING * len(drive))
    settings = CONTESTANTS[name].choices()[best_choice(tries)]
    policy = _learn(drive.part(0, cut), name, settings, seed, plan)
    predicted = predict(policy, drive.part(cut, len(drive)))
    policy.spec = replace(policy.spec, training={
        'command': 'liquid-control compare-drives', 'bags': [Path(bag).name], 'seed': seed,
        'learned_from': 'the first 80 %', **asdict(settings)})
    save_policy(policy, result.with_suffix('.safetensors'))
    write_json_whole(result, {
        'parameters': sum(parameter.numel() for parameter in policy.parameters()),
        'steering': np.round(predicted.astype(float), 6).tolist()})


def best_choice(tries: tuple[Path, ...]) -> int:
    """Return the choice with the smallest mean error."""
    rows = [read_json(path) for path in tries]
    return min(rows, key=lambda row: row['steering_mae'])['choice']


def _learn(drive: RecordedDrive, name: str, settings: DriveSettings, seed: int, plan: DrivesPlan) -> DrivingPolicy:
    contestant = CONTESTANTS[name]
    policy = drive_policy(contestant.cell, contestant.head, seed, [drive], contestant.imu)
    frames = plan.frames or enough_frames([drive], settings)
    return learn_from_drives(policy, [drive], seed, Budget(1.0, frames), lambda progress: None, settings).policy
