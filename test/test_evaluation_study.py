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

"""The study: the same data for all, parts that stay done, figures that follow from the drives."""
import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from liquid_control.cli import main
from liquid_control.errors import InputError
from liquid_control.evaluation.study import data, parts, plan, study, tables
from liquid_control.evaluation.study.costs import operations
from liquid_control.evaluation.study.folder import Folder
from liquid_control.evaluation.study.jobs import Part, run_parts
from liquid_control.evaluation.study.paired import Grid, bootstrap_mean
from liquid_control.evaluation.study.plan import NETWORKS, Plan
from liquid_control.evaluation.study.report import write_report
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.compiling import Runner
from liquid_control.policy.policy_file import load_policy, save_policy

TINY = Plan(seeds=1, tracks=1, stretches=3, steps=2, mujoco_tracks=0)
TINY_CONDITIONS = ('clean', 'drop=0.5')


@pytest.fixture(scope='module')
def finished(tmp_path_factory) -> Folder:
    """Return a study of two conditions, whose parts were run in this process."""
    folder = Folder(tmp_path_factory.mktemp('study'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, 'CARS', 8)
        patch.setattr(parts, 'CONDITIONS', TINY_CONDITIONS)
        patch.setattr(parts, 'DEVELOPMENT_CONDITIONS', ('clean',))
        patch.setattr(parts, 'DEVELOPMENT_TRACKS', 1)
        folder.claim(TINY)
        for part in study.parts_of(folder, TINY):
            if part.name != 'time per step':
                assert part.ready()
                part.function(*part.arguments)
                assert part.done()
    costs = [{'cell': cell, 'state': 1, 'network_parameters': 1, 'policy_parameters': 1, 'multiply_adds': 1,
              'exponentials': 1, 'network_us': 1.0, 'policy_us': 1.0} for cell in NETWORKS]
    folder.costs().write_text(json.dumps(costs))
    return folder


def test_a_study_leaves_its_tables_and_plots(finished):
    results = study.collect_results(finished, TINY)
    text = write_report(results, finished.root)
    assert len(results['driven']) == len(NETWORKS) * len(TINY_CONDITIONS)
    assert all(name in text for name in NETWORKS.values())
    for name in 'completion.png', 'error.png', 'tables.md', 'results.json':
        assert (finished.root / name).stat().st_size > 500
    with (finished.root / 'summary.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(NETWORKS) * len(TINY_CONDITIONS) and {row['cell'] for row in rows} == set(NETWORKS)
    assert write_report(study.collect_results(finished, TINY), finished.root) == text


def test_a_part_repeats_exactly(finished):
    policy = finished.policy(0, 'gru')
    before = load_policy(policy).state_dict()
    policy.unlink()
    parts.learn_part(str(finished.root), 0, 'gru', TINY)
    assert all(torch.equal(value, before[name]) for name, value in load_policy(policy).state_dict().items())


def test_every_network_learns_from_the_same_batches_and_none_from_what_is_held_out(finished):
    dataset = data.Dataset(finished.data(0))
    first, second = (dataset.draw(16, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first.pictures, second.pictures) and torch.equal(first.steering, second.steering)
    held = dataset.held_out().imu.flatten(1)
    drawn = dataset.draw(200, torch.Generator().manual_seed(1)).imu.flatten(1)
    assert len(held) > 0 and not (drawn[:, None] == held[None]).all(dim=2).any()


def test_data_are_forgotten_only_when_every_network_has_learned(finished, tmp_path):
    copy = Folder(shutil.copytree(finished.root, tmp_path / 'copy'))
    copy.policy(0, 'cnn').unlink()
    study._clean(copy, TINY)
    assert copy.data(0).exists() and not copy.data(plan.DEVELOPMENT_SEED).exists()
    shutil.copy(finished.policy(0, 'cnn'), copy.policy(0, 'cnn'))
    study._clean(copy, TINY)
    assert not copy.data(0).exists()


def test_a_folder_goes_on_with_the_same_plan_only(tmp_path):
    Folder(tmp_path).claim(TINY)
    Folder(tmp_path).claim(TINY)
    with pytest.raises(InputError, match='other options'):
        Folder(tmp_path).claim(Plan())


def test_parts_that_are_done_are_not_done_again_and_others_wait_for_what_they_need(tmp_path):
    source, middle, end, spared = (tmp_path / name for name in ('source', 'middle', 'end', 'spared'))
    source.write_text('whole')
    listed = [
        Part('last', shutil.copyfile, (str(middle), str(end)), end, (middle,)),
        Part('not needed', shutil.copyfile, ('nowhere', str(spared)), spared, (), 1.0, (source,)),
        Part('done', shutil.copyfile, ('nowhere', str(source)), source),
        Part('first', shutil.copyfile, (str(source), str(middle)), middle, (source,)),
    ]
    order = []
    run_parts(listed, 2, lambda part: order.append(part.name))
    assert order == ['not needed', 'done', 'first', 'last'] and end.read_text() == 'whole' and not spared.exists()


def test_a_part_that_fails_ends_the_study_with_its_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        run_parts([Part('bad', shutil.copyfile, ('nowhere', str(tmp_path)), tmp_path / 'x')], 1, lambda part: None)


def rows_of(rates: dict[str, float], seeds: int = 3, tracks: int = 10) -> list[dict]:
    return [
        {'seed': seed, 'cell': cell, 'track': f'random:{seed * tracks + track}', 'condition': 'clean',
         'completed': track < rate * tracks, 'progress': 1.0, 'mean_abs_lateral_m': 0.01 * (1 + track % 2)}
        for cell, rate in rates.items() for seed in range(seeds) for track in range(tracks)]


def test_differences_are_paired_and_their_intervals_know_which_are_real():
    grid = Grid(rows_of({'ltc': 1.0, 'cfc': 0.5, 'lstm': 0.5, 'gru': 0.9, 'cnn': 0.0, 'lstm100k': 1.0}))
    rows = {(row['liquid'], row['other'], row['condition']): row for row in tables.difference_rows(grid, 'fast')}
    assert rows['ltc', 'cnn', 'clean']['difference'] == rows['ltc', 'cnn', 'clean']['low'] == 1.0
    assert rows['cfc', 'lstm', 'clean']['low'] == rows['cfc', 'lstm', 'clean']['high'] == 0.0
    assert rows['cfc', 'lstm100k', 'clean']['high'] < 0.0
    table = tables.difference_table(list(rows.values()), 'ltc')
    assert table[1][table[0].index('minus feed-forward')] == '**+100 [+100, +100]**'
    verdict = {row[0]: row[1:] for row in tables.verdict_table(list(rows.values()))}
    assert verdict['NCP-19 CfC and LSTM-144'] == ['0', '0', '1', 'clean']


def test_distances_are_compared_where_all_completed():
    grid = Grid(rows_of({'ltc': 1.0, 'cnn': 0.5}))
    errors = grid.error_where_all_completed('clean', ['ltc', 'cnn'])
    assert np.isfinite(errors['ltc']).sum() == np.isfinite(errors['cnn']).sum() == 15


def test_the_bootstrap_covers_the_mean_and_is_wider_when_seeds_differ():
    rng = np.random.default_rng(0)
    alike = rng.normal(size=(5, 40))
    apart = alike + 3.0 * rng.normal(size=(5, 1))
    for values in alike, apart:
        mean, low, high = bootstrap_mean(values)
        assert low < mean < high and mean == pytest.approx(values.mean())
    narrow, wide = (bootstrap_mean(values) for values in (alike, apart))
    assert wide[2] - wide[1] > 3.0 * (narrow[2] - narrow[1])
    assert np.isnan(bootstrap_mean(np.full((2, 3), np.nan))[0])


def test_the_large_lstm_is_a_policy_like_the_others(tmp_path):
    policy = new_policy('lstm100k', 'small', 0)
    assert sum(parameter.numel() for parameter in policy.network.parameters()) >= 100_000
    save_policy(policy, tmp_path / 'large.safetensors')
    again = Runner(load_policy(tmp_path / 'large.safetensors'))
    decision = again.step(np.full((144, 192, 3), 90, np.uint8), np.zeros(6, np.float32), 1.0 / 30.0)
    assert np.isfinite(decision.steering_rad) and decision.neurons.shape == (2 * 144,)


def test_operations_follow_from_the_definitions():
    assert operations(new_policy('ltc', 'small', 0))['exponentials'] == 192 + 6 * 60
    assert operations(new_policy('lstm', 'small', 0)) == {
        'multiply_adds': 4 * 64 * (32 + 64) + 4 * 64, 'exponentials': 5 * 64}


@pytest.mark.parametrize('options', [['--seeds', '0'], ['--workers', '0'], ['--steps', '-1']])
def test_unusable_options_are_one_line(options, tmp_path, capsys):
    assert main(['study', '--out', str(tmp_path / 'study'), *options]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not Path(tmp_path / 'study').exists()
