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

"""Many episodes over processes, and the verb evaluate."""
import json

import pytest

from liquid_control.cli import main
from liquid_control.errors import InputError
from liquid_control.evaluation.closed_loop import evaluate_policies, unseen_tracks
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import save_policy
from liquid_control.share import share_path

EPISODE = {'policy', 'track', 'seed', 'condition', 'completed', 'progress', 'mean_abs_lateral_m',
           'max_abs_lateral_m', 'lap_s'}
SUMMARY = {'policy', 'condition', 'episodes', 'completed', 'rate', 'ci95', 'mean_abs_lateral_m'}


@pytest.fixture(scope='module')
def untrained(tmp_path_factory) -> list[str]:
    paths = [str(tmp_path_factory.mktemp('policies') / f'{cell}.safetensors') for cell in ('ltc', 'gru')]
    for path, cell in zip(paths, ('ltc', 'gru'), strict=True):
        save_policy(new_policy(cell, 'small', seed=3), path)
    return paths


def test_every_policy_meets_the_same_tracks_and_seeds(untrained):
    seen = []
    result = evaluate_policies(
        untrained, ['random:1000000', 'random:1000001'], ['clean', 'noise=0.2'], engine='fast', seed=5,
        on_episode=seen.append)
    episodes = result['episodes']
    assert len(episodes) == len(seen) == 8 and all(EPISODE <= row.keys() for row in episodes)
    for policy in untrained:
        for condition in 'clean', 'noise=0.2':
            rows = [row for row in episodes if (row['policy'], row['condition']) == (policy, condition)]
            assert [(row['track'], row['seed']) for row in rows] == [('random:1000000', 5), ('random:1000001', 6)]
    assert [(row['policy'], row['condition'], row['episodes']) for row in result['summary']] == [
        (policy, condition, 2) for policy in untrained for condition in ('clean', 'noise=0.2')]
    assert all(SUMMARY == row.keys() for row in result['summary'])
    json.dumps(result, allow_nan=False)


def test_the_seed_repeats_an_evaluation(untrained):
    def drive(seed: int) -> list[dict]:
        return evaluate_policies(
            untrained[:1], ['random:1000002'], ['noise=0.3'], engine='fast', rounds=2, seed=seed, workers=1)['episodes']
    first, other = drive(1), drive(2)
    assert [row['seed'] for row in first + other] == [1, 2, 2, 3]
    assert first[1] == other[0]
    assert first[0]['mean_abs_lateral_m'] != other[0]['mean_abs_lateral_m']


def test_the_shipped_policy_drives_and_fails_when_shown_black_pictures():
    shipped = str(share_path('models/ncp19.safetensors'))
    result = evaluate_policies([shipped], unseen_tracks(2), ['clean', 'blackout=1'])
    clean, black = result['summary']
    assert (clean['completed'], clean['episodes']) == (2, 2)
    assert black['completed'] == 0
    assert all(row['ended'] == 'off road' for row in result['episodes'] if row['condition'] == 'blackout=1')


@pytest.mark.parametrize(('options', 'words'), [
    (['--condition', 'fog'], ["'fog'", 'noise=VALUE']),
    (['--condition', 'delay=99'], ["'delay=99'", '0 to 30']),
    (['--track', 'random:x'], ["'random:x'", 'whole number']),
    (['--episodes', '0'], ['episodes 0', '1 to 10000']),
    (['--laps', '0'], ['laps 0', '1 to 1000']),
    (['--seed', '-1'], ['seed -1']),
    (['--road-width', '9'], ['9 m', '0.4 to 6 m']),
    (['--held-out'], ['--bag'])])
def test_bad_input_is_one_line_and_exit_code_2(untrained, capsys, options, words):
    assert main(['evaluate', untrained[0], *options]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    assert len(error) == 1 and all(word in error[0] for word in words)


def test_a_missing_policy_is_named(capsys):
    assert main(['evaluate', 'nowhere.safetensors', '--engine', 'fast', '--episodes', '1']) == 2
    assert "'nowhere.safetensors' is not a file" in capsys.readouterr().err


def test_an_unknown_engine_is_refused(untrained):
    with pytest.raises(InputError, match='mujoco, fast or gazebo'):
        evaluate_policies(untrained[:1], ['random:1000000'], engine='warp')


def test_the_verb_prints_and_writes_what_it_measured(untrained, tmp_path, capsys):
    out = tmp_path / 'results.json'
    arguments = ['evaluate', untrained[0], '--track', 'random:1000004', '--episodes', '2', '--engine', 'fast',
                 '--seed', '9', '--centre-line', 'none', '--road-width', '1.5', '--json', str(out)]
    assert main(arguments) == 0
    data = json.loads(out.read_text())
    assert [(row['track'], row['seed']) for row in data['episodes']] == [('random:1000004', 9), ('random:1000004', 10)]
    assert data['summary'][0]['episodes'] == 2
    captured = capsys.readouterr()
    assert 'of 2' in captured.out and 'ltc' in captured.out
    assert 'Driving: 100 %' in captured.err
