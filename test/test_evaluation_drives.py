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

"""The comparison on recorded drives, from the command to its table, on a drive whose pictures tell the steering."""
import json
import math

import numpy as np
import pytest

from liquid_control.cli import main
from liquid_control.errors import InputError
from liquid_control.evaluation.drives.contestants import CONTESTANTS
from liquid_control.evaluation.drives.parts import best_choice
from liquid_control.evaluation.drives.plan import DrivesPlan
from liquid_control.policy.policy_file import load_policy
from liquid_control.recording.bag import new_bag

START_NS = 1_700_000_000 * 10**9
COUNT = 120


@pytest.fixture
def bag(tmp_path):
    """Return a drive with a bright bar where the human steers to; for ten pictures the car goes backwards."""
    rng = np.random.default_rng(0)
    with new_bag(tmp_path / 'bar.bag') as bag:
        for i in range(COUNT):
            stamp, steering = START_NS + 50_000_000 * i, math.sin(0.3 * i)
            picture = rng.integers(0, 60, (24, 32, 3), dtype=np.uint8)
            middle = int(16 - 12 * steering)
            picture[:, middle - 2:middle + 2] = 250
            bag.write_image('/camera/image_raw', stamp, 'camera', picture)
            bag.write_joy('/human_controls', stamp, 'base_link', (steering, -0.5 if 20 <= i < 30 else 0.5))
    return tmp_path / 'bar.bag'


def test_one_command_compares_and_goes_on_where_it_was(bag, tmp_path, capsys):
    out, table = tmp_path / 'out', tmp_path / 'result.json'
    command = ['compare-drives', str(bag), '--policies', 'ltc,donkey', '--seeds', '2', '--frames', '128',
               '--workers', '1', '--out', str(out), '--json', str(table)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    result = json.loads(table.read_text())
    assert 'NCP-19 LTC' in printed and '10 the car went backwards' in printed
    rows = {row['title']: row for row in result['rows']}
    assert list(rows) == ['NCP-19 LTC', 'donkeycar-style CNN', 'always the mean', 'the previous command']
    assert rows['donkeycar-style CNN']['parameters'] == 816_979  # with the policy's gain and bias
    assert result['drives'][0]['tested_on'] == rows['NCP-19 LTC']['samples'] == 24
    for row in rows.values():
        assert row['mae']['low'] <= row['mae']['mean'] <= row['mae']['high']
    liquid, large = rows['NCP-19 LTC'], rows['donkeycar-style CNN']
    assert liquid['ratio'] == pytest.approx(liquid['mae']['mean'] / large['mae']['mean'])
    assert liquid['difference']['mean'] == pytest.approx(liquid['mae']['mean'] - large['mae']['mean'])
    steering = np.sin(0.3 * np.arange(COUNT))
    assert rows['the previous command']['mae']['mean'] == pytest.approx(
        np.abs(np.diff(steering[96:], prepend=0.0)).mean(), abs=1e-5)
    policy = load_policy(out / 'bar.bag' / 'donkey_seed_1.safetensors')
    assert policy.spec.imu_channels == () and policy.spec.period_s == pytest.approx(0.05)
    assert policy.spec.training['seed'] == 1

    (out / 'bar.bag' / 'ltc_seed_1.json').unlink()
    before = (out / 'bar.bag' / 'ltc_seed_0.json').stat().st_mtime_ns
    assert main(command) == 0
    assert json.loads(table.read_text()) == result  # learned anew from the same seed
    assert (out / 'bar.bag' / 'ltc_seed_0.json').stat().st_mtime_ns == before
    assert main([*command, '--seeds', '3']) == 2
    assert 'holds a comparison of other drives or options' in capsys.readouterr().err


def test_the_choice_is_the_smallest_error(tmp_path):
    errors = (0.3, 0.2, 0.25)
    paths = tuple(tmp_path / f'{i}.json' for i in range(3))
    for i, path in enumerate(paths):
        path.write_text(json.dumps({'choice': i, 'steering_mae': errors[i]}))
    assert best_choice(paths) == 1


def test_everyone_has_as_many_choices():
    counts = {len(contestant.choices()) for contestant in CONTESTANTS.values()}
    assert len(counts) == 1 and counts.pop() > 1


@pytest.mark.parametrize(('arguments', 'said'), [
    ({'names': ('ltc', 'nvidia', 'donkey')}, "'nvidia' is not one of ltc"),
    ({'names': ('ltc',)}, "'donkey' is what the others are compared with"),
    ({'seeds': 0}, '0 seeds are outside'),
    ({'frames': 0}, '0 frames are outside'),
])
def test_impossible_plans_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        DrivesPlan(**arguments)


def test_short_and_equally_named_drives_are_refused(bag, tmp_path, capsys):
    assert main(['compare-drives', str(bag), str(bag), '--out', str(tmp_path / 'out')]) == 2
    assert "two bags are called 'bar.bag'" in capsys.readouterr().err
