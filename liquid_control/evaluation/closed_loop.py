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

"""Many closed-loop episodes over processes: every policy meets the same tracks, seeds and conditions."""
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from liquid_control.errors import InputError
from liquid_control.evaluation.conditions import parse_condition
from liquid_control.evaluation.job import Job, drive_job
from liquid_control.evaluation.statistics import summarise
from liquid_control.simulation.track_spec import EVALUATION_SEEDS_FROM, load_track

ENGINES = ('mujoco', 'fast', 'gazebo')
MAX_EPISODES = 10_000
MAX_LAPS = 1_000


def unseen_tracks(episodes: int) -> list[str]:
    """Return that many track specs that no policy is trained on."""
    check_between('episodes', episodes, 1, MAX_EPISODES)
    return [f'random:{EVALUATION_SEEDS_FROM + i}' for i in range(episodes)]


def evaluate_policies(
        policies: Sequence[str], tracks: Sequence[str], conditions: Sequence[str] = ('clean',), *,
        engine: str = 'mujoco', laps: int = 1, rounds: int = 1, seed: int = 0, centre_line: str | None = None,
        road_width: float | None = None, workers: int | None = None, ray: str | None = None,
        on_episode: Callable[[dict], None] | None = None) -> dict:
    """Drive every policy on every track under every condition, ``rounds`` times.

    The episode at place i of tracks x rounds has the seed ``seed + i``, whatever the policy and the condition; it
    draws the noise of the IMU and the faults of the camera.

    :param policies: paths of policy files.
    :param tracks: track specs.
    :param conditions: such as 'clean' or 'noise=0.2'.
    :param centre_line: 'dashed', 'solid' or 'none' instead of the tracks' own.
    :param road_width: metres instead of the tracks' own.
    :param workers: processes, each with one torch thread; by default one for each core.
    :param ray: address of a Ray cluster that drives instead, 'local' for one on this machine.
    :param on_episode: called in this process with each row as it is done, in no particular order.
    :returns: {'episodes': rows, 'summary': rows}; interfaces.md names the fields, and each episode also has 'ended'.
    :raises InputError: before the first episode, for an unusable policy, track, condition or number.
    """
    _check(policies, tracks, conditions, engine, laps, rounds, centre_line, road_width)
    places = [(track, seed + i) for i, track in enumerate(track for _ in range(rounds) for track in tracks)]
    jobs = [
        Job(policy, track, number, condition, engine, laps, centre_line, road_width)
        for policy in policies for condition in conditions for track, number in places]
    if ray is not None:
        from liquid_control.evaluation.ray_episodes import drive_on_ray
        episodes = drive_on_ray(jobs, ray, on_episode)
    else:
        episodes = _drive_all(jobs, workers or os.cpu_count() or 1, on_episode)
    return {'episodes': episodes, 'summary': summarise(episodes)}


def check_between(name: str, value: int, low: int, high: int) -> None:
    """Raise InputError unless low <= value <= high."""
    if not low <= value <= high:
        raise InputError(f'{name} {value} is outside {low} to {high}; give a number within these limits')


def _check(policies: Sequence[str], tracks: Sequence[str], conditions: Sequence[str], engine: str, laps: int,
           rounds: int, centre_line: str | None, road_width: float | None) -> None:
    from liquid_control.policy.policy_file import load_policy
    if engine not in ENGINES:
        raise InputError(f"engine '{engine}' is unknown; give {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    check_between('laps', laps, 1, MAX_LAPS)
    check_between('episodes', rounds, 1, MAX_EPISODES)
    for condition in conditions:
        if parse_condition(condition).boxes and engine != 'gazebo':
            raise InputError(f"condition '{condition}' is not for engine {engine}; give --engine gazebo")
    for track in tracks:
        load_track(track, centre_line, road_width)
    for policy in policies:
        load_policy(policy)


def _drive_all(jobs: list[Job], workers: int, on_episode: Callable[[dict], None] | None) -> list[dict]:
    rows: list[dict | None] = [None] * len(jobs)
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), mp_context=multiprocessing.get_context('spawn'), initializer=_start_worker)
    try:
        futures = {pool.submit(drive_job, job): i for i, job in enumerate(jobs)}
        for future in as_completed(futures):
            rows[futures[future]] = row = future.result()
            if on_episode is not None:
                on_episode(row)
    finally:
        pool.shutdown(cancel_futures=True)
    return rows


def _start_worker() -> None:
    """Prepare a worker: one torch thread, and Ctrl-C left to the parent."""
    import torch
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
