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
"""The experiments about FPTT: their tasks, their command, and what they sum up to."""

import json

import pytest
import torch

from liquid_control.cli import main
from liquid_control.evaluation.fptt import adapting
from liquid_control.evaluation.fptt.adding import AddingStreams, learn_adding, sequences
from liquid_control.evaluation.fptt.summaries import summarise_adapt, summarise_adding, summarise_digits


def test_sums_are_those_of_the_numbers_marked_so_far():
    inputs, sums = sequences(5, 20, torch.Generator().manual_seed(0))
    assert inputs[:, :10, 1].sum(1).tolist() == inputs[:, 10:, 1].sum(1).tolist() == [1.0] * 5
    assert torch.allclose(sums[:, -1], (inputs[..., 0] * inputs[..., 1]).sum(1))
    assert torch.allclose(sums[:, 9], (inputs[:, :10, 0] * inputs[:, :10, 1]).sum(1))


def test_each_row_of_the_streams_is_whole_sequences_one_after_the_other():
    streams = AddingStreams(4, 20, 5, seed=0)
    windows = [streams.take() for _ in range(12)]
    begins = torch.stack([begin for _, _, begin in windows])
    assert begins.sum(0).tolist() == [3] * 4 and begins[0].tolist() == [True, False, False, False]
    for row in range(4):
        first = int(begins[:, row].nonzero()[0])
        inputs, sums = (torch.cat([window[part][row] for window in windows[first:first + 4]]) for part in (0, 1))
        sums = sums.view(4, 6)
        assert inputs[:, 1].sum() == 2.0
        assert torch.allclose((inputs[:, 0] * inputs[:, 1]).cumsum(0), sums[:, 1:].flatten())
        assert sums[0, 0] == 0.0 and torch.equal(sums[1:, 0], sums[:-1, -1])


def test_learning_to_add_repeats_itself():
    first, second = (learn_adding('lif', 'fptt', 20, 3, 200) for _ in range(2))
    assert first['error'] == second['error'] and first['skipped'] == 0


def test_the_command_goes_on_where_it_was(tmp_path, capsys):
    command = ['fptt', 'memory', '--cell', 'lif', '--length', '10', '30', '--out', str(tmp_path), '--workers', '1',
               '--json', str(tmp_path / 'memory.json')]
    assert main(command) == 0
    summary = {row['method']: row for row in json.loads((tmp_path / 'memory.json').read_text())['summary']}
    assert summary['fptt']['longest to shortest'] == 1.0 and summary['bptt']['longest to shortest'] > 2.5
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / 'memory').iterdir()}
    assert len(kept) == 4 and main(command) == 0
    assert kept == {path: path.stat().st_mtime_ns for path in (tmp_path / 'memory').iterdir()}
    assert 'saved kB' in capsys.readouterr().out


@pytest.mark.parametrize('words, said', [
    (['memory', '--cell', 'gru'], "cell 'gru' is not one of"), (['adding', '--length', '101'], 'multiple of'),
    (['adding', '--seeds', '0'], '--seeds 0 is outside'), (['adapt', '--condition', 'fog'], "condition 'fog'"),
    (['adapt', '--seconds', '1'], '--seconds 1 is outside')])
def test_bad_input_is_one_line(words, said, tmp_path, capsys):
    assert main(['fptt', *words, '--out', str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count('\n') == 1


def test_a_changed_car_is_driven_frozen_and_adapting(monkeypatch):
    monkeypatch.setattr(adapting, 'VISIT_S', 1.0)
    row = adapting.adapt_and_drive('models/ncp19.safetensors', 'steering_offset=0.2', 'fast', 0, 2.0, 1)
    summary, = summarise_adapt([row])
    assert summary['teacher: off road on the way'] == [0] and row['on_the_way']['teacher']['mean_abs_lateral_m']
    assert summary['adapting: off road on the way'] == [0] and summary['swaps, returns'] == [0, 0]
    assert row['afterwards']['frozen'][0]['progress'] == row['afterwards']['adapted'][0]['progress'] > 0.0
    assert summary['adapting less frozen: off road'] == summary['adapted less frozen: laps, points'] == [0.0] * 3
    drives = row['on_the_way']
    assert drives['frozen']['mean_abs_lateral_m'] == pytest.approx(drives['adapting']['mean_abs_lateral_m'], abs=1e-3)


def test_summaries_count_seeds_and_pair_them():
    rows = [{'T': 10, 'cell': 'lif', 'method': 'fptt', 'error': error, 'cpu_s': 1.0} for error in (0.001, 0.2)]
    assert summarise_adding(rows)[0]['solved'] == '1 of 2'
    rows = [{'order': 'rows', 'cell': 'lif', 'method': method, 'seed': seed, 'right': right} for seed in (0, 1)
            for method, right in (('fptt', [1, 1, 1, 0]), ('bptt', [1, 0, 1, 0]))]
    line, = summarise_digits(rows)
    assert line['fptt'][0] == 75.0 and line['fptt less bptt'][0] == 25.0 and line['seeds'] == 2
