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

"""The whole study: what has to be done, in which order, and what comes out."""

from collections.abc import Callable

from liquid_control.evaluation.study import parts
from liquid_control.evaluation.study.folder import Folder, read_json
from liquid_control.evaluation.study.jobs import Part, run_parts
from liquid_control.evaluation.study.plan import DEVELOPMENT_SEED, NETWORKS, RATES, Plan

COLLECT, TRY, LEARN, DRIVE, MUJOCO, COSTS = 20.0, 40.0, 30.0, 45.0, 25.0, 10.0
"""Seconds that the parts of a plan of usual size take on one core, for the time left."""


def run_study(folder: Folder, plan: Plan, workers: int, on_done: Callable[[Part], None]) -> dict:
    """Do what is left of a study and return its results: 'plan', 'rates', 'costs', 'driven', 'mujoco'.

    :param on_done: called with every part as it is done.
    :raises InputError: if the folder holds another study.
    """
    folder.claim(plan)
    run_parts(parts_of(folder, plan), workers, lambda part: (_clean(folder, plan), on_done(part)))
    return collect_results(folder, plan)


def parts_of(folder: Folder, plan: Plan) -> list[Part]:
    """Return all parts, those that others wait for first."""
    root = str(folder.root)
    costs = Part('time per step', parts.costs_part, (root,), folder.costs(), weight=COSTS)
    listed = [costs, *_rate_parts(folder, plan)]
    rates = tuple(folder.candidate(cell, rate) for cell in NETWORKS for rate in RATES)
    for seed in range(plan.seeds):
        listed += _seed_parts(folder, plan, seed, rates)
    return listed


def collect_results(folder: Folder, plan: Plan) -> dict:
    """Return everything that was measured."""
    places = [(seed, cell) for seed in range(plan.seeds) for cell in NETWORKS]
    candidates = [read_json(folder.candidate(cell, rate)) for cell in NETWORKS for rate in RATES]
    return {
        'plan': plan.to_json(),
        'rates': candidates,
        'chosen': {cell: parts.chosen_rate(folder, cell) for cell in NETWORKS},
        'costs': read_json(folder.costs()),
        'held_out': [_held_out(folder, seed, cell) for seed, cell in places],
        'driven': [row for place in places for row in read_json(folder.driven(*place))],
        'mujoco': [row for place in places for row in read_json(folder.mujoco(*place))] if plan.mujoco_tracks else [],
    }


def _rate_parts(folder: Folder, plan: Plan) -> list[Part]:
    root, data = str(folder.root), folder.data(DEVELOPMENT_SEED)
    places = [(cell, rate) for cell in NETWORKS for rate in RATES]
    results = tuple(folder.candidate(*place) for place in places)
    collect = (root, DEVELOPMENT_SEED, plan.stretches)
    return [
        Part('data for the learning rates', parts.collect_part, collect, data, (), COLLECT, results),
        *(
            Part(f'{cell} at rate {rate:g}', parts.candidate_part, (root, cell, rate, plan), result, (data,), TRY)
            for (cell, rate), result in zip(places, results, strict=True)
        ),
    ]


def _seed_parts(folder: Folder, plan: Plan, seed: int, rates: tuple) -> list[Part]:
    root, data = str(folder.root), folder.data(seed)
    policies = tuple(folder.policy(seed, cell) for cell in NETWORKS)
    collect = (root, seed, plan.stretches)
    listed = [Part(f'data of seed {seed}', parts.collect_part, collect, data, rates, COLLECT, policies)]
    for cell, policy in zip(NETWORKS, policies, strict=True):
        own = (root, seed, cell, plan)
        listed.append(Part(f'{cell} learns, seed {seed}', parts.learn_part, own, policy, (data, *rates), LEARN))
    for cell, policy in zip(NETWORKS, policies, strict=True):
        own, driven, mujoco = (root, seed, cell, plan), folder.driven(seed, cell), folder.mujoco(seed, cell)
        listed.append(Part(f'{cell} drives, seed {seed}', parts.drive_part, own, driven, (policy,), DRIVE))
        if plan.mujoco_tracks:
            listed.append(Part(f'{cell} in MuJoCo, seed {seed}', parts.mujoco_part, own, mujoco, (policy,), MUJOCO))
    return listed


def _clean(folder: Folder, plan: Plan) -> None:
    """Remove data that every network has learned from."""
    if all(folder.candidate(cell, rate).exists() for cell in NETWORKS for rate in RATES):
        parts.forget_data(str(folder.root), DEVELOPMENT_SEED)
    for seed in range(plan.seeds):
        if all(folder.policy(seed, cell).exists() for cell in NETWORKS):
            parts.forget_data(str(folder.root), seed)


def _held_out(folder: Folder, seed: int, cell: str) -> dict:
    from liquid_control.policy.policy_file import load_policy

    policy = load_policy(folder.policy(seed, cell))
    return {'seed': seed, 'cell': cell, 'mae': policy.spec.score['held_out_mae']}
