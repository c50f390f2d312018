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

"""``bench loop`` and ``bench human``: the closed loop with its real nodes, until a policy drives."""
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from liquid_control.errors import InputError
from liquid_control.evaluation.closed_loop import evaluate_policies, unseen_tracks
from liquid_control.learning.simulated import new_policy
from liquid_control.nodes.processes import last_line, node_process, require_ros
from liquid_control.policy.policy_file import save_policy

UNSEEN = 20
GIVE_UP_S = 3600.0
FIRST_TRACK = 300_000
SIMULATED = {'use_sim_time': 'true'}


def bench_loop(seed: int, say: Callable[[str], None]) -> dict:
    """Let an expert teach from an empty folder until the loop is done; drive its best policy on 20 unseen tracks.

    Simulator, drive node and trainer are processes of their own. Every figure is read from the journal, but for
    ``completed``, the share of the unseen tracks that the policy drove whole in MuJoCo.

    :param say: takes every change of state as a line.
    :raises InputError: if ROS is not installed, a node ends or the loop stops with an error.
    """
    require_ros()
    with tempfile.TemporaryDirectory() as folder:
        nodes = {
            'simulator': {'track': f'random:{FIRST_TRACK}'}, 'drive': SIMULATED | {'autostart': 'true'},
            'trainer': SIMULATED | {'folder': Path(folder) / 'loop', 'seed': seed}}
        row = _run(nodes, Path(folder), say)
        driven = evaluate_policies([str(Path(folder) / 'loop' / 'best.safetensors')], unseen_tracks(UNSEEN), seed=seed)
        return _result('loop', {'name': f'an expert teaches from nothing, seed {seed}', **row}, driven)


def bench_human(seed: int, say: Callable[[str], None]) -> dict:
    """Let a scripted human take over from an untrained policy until it is left alone; drive the best on that road.

    ``completed`` is 1 when the policy then drives a lap of the road in MuJoCo without the human.

    :raises InputError: if ROS is not installed, a node ends or the loop stops with an error.
    """
    require_ros()
    track = f'random:{FIRST_TRACK + seed}'
    with tempfile.TemporaryDirectory() as folder:
        bad = Path(folder) / 'bad.safetensors'
        save_policy(new_policy('ltc', 'small', seed), bad)
        nodes = {
            'simulator': {'track': track}, 'drive': SIMULATED | {'autostart': 'true', 'policy': bad},
            'scripted_human': {'track': track},
            'trainer': SIMULATED | {
                'folder': Path(folder) / 'loop', 'teacher': 'human', 'policy': bad, 'seed': seed, 'human_s': 5.0,
                'learn_s': 20.0, 'trial_s': 15.0}}
        row = _run(nodes, Path(folder), say)
        driven = evaluate_policies([str(Path(folder) / 'loop' / 'best.safetensors')], [track], seed=seed)
        return _result('human', {'name': f'a scripted human corrects an untrained policy, seed {seed}', **row}, driven)


def _run(nodes: dict[str, dict[str, object]], folder: Path, say: Callable[[str], None]) -> dict:
    """Run the nodes until the trainer is done; return what its journal says last."""
    journal, told = folder / 'loop' / 'journal.jsonl', 0
    with ExitStack() as running:
        processes = {name: running.enter_context(node_process(name, 'loop', folder / f'{name}.log', parameters))
                     for name, parameters in nodes.items()}
        end = time.monotonic() + GIVE_UP_S
        while time.monotonic() < end:
            time.sleep(0.5)
            for name, process in processes.items():
                if process.poll() is not None:
                    raise InputError(f"the {name} ended early: {last_line(folder / f'{name}.log')}")
            lines = _lines(journal)
            for line in lines[told:]:
                say(f"{line['before']} -> {line['state']}: {line['reason']}")
            told = len(lines)
            if lines and lines[-1]['state'] == 'error':
                raise InputError(f"the loop stopped: {lines[-1]['reason']}")
            if lines and lines[-1]['state'] == 'done':
                return _figures(lines[-1], _lines(journal, 'judged'))
    raise InputError(f'the loop was not done after {GIVE_UP_S:.0f} s: {last_line(folder / "trainer.log")}')


def _lines(journal: Path, event: str = 'state') -> list[dict]:
    text = journal.read_text() if journal.exists() else ''
    whole = text[:text.rfind('\n') + 1]  # the trainer may be writing the last line
    return [line for line in map(json.loads, whole.splitlines()) if line['event'] == event]


def _figures(last: dict, judged: list[dict]) -> dict:
    return {'rounds': len(judged), 'driven_s': last['driven_s'], 'samples': last['samples'],
            'interventions': last['interventions'], 'intervention_samples': last['intervention_samples'],
            'score': max((line['score'] for line in judged if line['kept']), default=0.0)}


def _result(benchmark: str, row: dict, driven: dict) -> dict:
    summary = driven['summary'][0]
    return {'benchmark': benchmark, 'rows': [row | {
        'completed': summary['completed'] / summary['episodes'], 'mean_abs_lateral_m': summary['mean_abs_lateral_m']}],
        'ratios': {}}
