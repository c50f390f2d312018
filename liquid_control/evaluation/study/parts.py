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

"""The parts of a study, each a function that any process can run and that leaves one file."""

import shutil
from dataclasses import asdict

import numpy as np

from liquid_control.evaluation.study.folder import Folder, read_json, write_json_whole
from liquid_control.evaluation.study.plan import (
    CONDITIONS,
    DEVELOPMENT_CONDITIONS,
    DEVELOPMENT_SEED,
    DEVELOPMENT_TRACKS,
    MUJOCO_CONDITIONS,
    RATES,
    Plan,
    track_numbers,
)


def collect_part(root: str, seed: int, stretches: int) -> None:
    """Collect the data of a seed."""
    from liquid_control.evaluation.study.data import collect

    collect(seed, stretches, Folder(root).data(seed))


def candidate_part(root: str, cell: str, rate: float, plan: Plan) -> None:
    """Learn at one of the rates on data of the development seed, and drive on development tracks."""
    from liquid_control.evaluation.study.data import Dataset
    from liquid_control.evaluation.study.training import learn

    folder = Folder(root)
    policy = learn(cell, DEVELOPMENT_SEED, Dataset(folder.data(DEVELOPMENT_SEED)), plan.steps, rate)
    rows = drive(policy, DEVELOPMENT_SEED, DEVELOPMENT_TRACKS, DEVELOPMENT_CONDITIONS)
    write_json_whole(
        folder.candidate(cell, rate),
        {
            'cell': cell,
            'rate': rate,
            'progress': float(np.mean([row['progress'] for row in rows])),
            'completed': float(np.mean([row['completed'] for row in rows])),
            'held_out_mae': policy.spec.score['held_out_mae'],
        },
    )


def chosen_rate(folder: Folder, cell: str) -> float:
    """Return the rate at which a cell drove farthest on the development tracks."""
    candidates = [read_json(folder.candidate(cell, rate)) for rate in RATES]
    return max(candidates, key=lambda candidate: candidate['progress'])['rate']


def learn_part(root: str, seed: int, cell: str, plan: Plan) -> None:
    """Learn one network on the data of a seed."""
    from liquid_control.evaluation.study.data import Dataset
    from liquid_control.evaluation.study.training import learn
    from liquid_control.policy.policy_file import save_policy

    folder = Folder(root)
    policy = learn(cell, seed, Dataset(folder.data(seed)), plan.steps, chosen_rate(folder, cell))
    save_policy(policy, folder.policy(seed, cell))


def drive_part(root: str, seed: int, cell: str, plan: Plan) -> None:
    """Drive one policy on the tracks of its seed under every condition in the fast simulator."""
    from liquid_control.policy.policy_file import load_policy

    folder = Folder(root)
    policy = load_policy(folder.policy(seed, cell))
    rows = drive(policy, seed, plan.tracks, CONDITIONS)
    write_json_whole(folder.driven(seed, cell), [{'seed': seed, 'cell': cell, **row} for row in rows])


def mujoco_part(root: str, seed: int, cell: str, plan: Plan) -> None:
    """Drive one policy on some of its tracks in MuJoCo."""
    from liquid_control.evaluation.closed_loop import evaluate_policies

    folder = Folder(root)
    numbers = track_numbers(seed, plan.tracks)[: plan.mujoco_tracks]
    rows = evaluate_policies(
        [str(folder.policy(seed, cell))],
        [f'random:{number}' for number in numbers],
        MUJOCO_CONDITIONS,
        seed=numbers[0],
        workers=1,
    )['episodes']
    keep = ('track', 'condition', 'completed', 'progress', 'mean_abs_lateral_m', 'max_abs_lateral_m', 'lap_s', 'ended')
    write_json_whole(
        folder.mujoco(seed, cell), [{'seed': seed, 'cell': cell, **{key: row[key] for key in keep}} for row in rows]
    )


def costs_part(root: str) -> None:
    """Measure what each network needs."""
    from liquid_control.evaluation.study.costs import costs

    write_json_whole(Folder(root).costs(), costs())


def forget_data(root: str, seed: int) -> None:
    """Remove the data of a seed, of which every network has learned."""
    shutil.rmtree(Folder(root).data(seed), ignore_errors=True)


def drive(policy, seed: int, tracks: int, conditions: tuple[str, ...]) -> list[dict]:
    """Return a row for each condition and track: 'track', 'condition' and how the drive went.

    The faults of the camera and the noise of the IMU are drawn from the number of the track, so that they are the same
    for every network.
    """
    from liquid_control.evaluation.conditions import parse_condition
    from liquid_control.evaluation.fleet_drive import FleetDrive, PolicyPilot, Ride
    from liquid_control.simulation.random_track import random_track

    roads = {number: random_track(number) for number in track_numbers(seed, tracks)}
    places = [(number, condition) for condition in conditions for number in roads]
    rides = [Ride(roads[number], parse_condition(condition), number) for number, condition in places]
    drives = FleetDrive(rides).drive(PolicyPilot(policy))
    return [
        {'track': f'random:{number}', 'condition': condition, **asdict(result)}
        for (number, condition), result in zip(places, drives, strict=True)
    ]
