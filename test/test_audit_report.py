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

"""The verb audit from end to end; its figures computed again from the recorded neurons, with other code."""
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file
from small_tub import drive, write_tub

from liquid_control.audit.figures import with_gaps
from liquid_control.audit.neuron_record import load_record
from liquid_control.cli import main
from liquid_control.errors import InputError
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import load_policy, save_policy
from liquid_control.share import share_path

SHIPPED = str(share_path('models/ncp19.safetensors'))
SECTIONS = ('activity', 'correlation', 'saliency', 'ssim', 'adapting', 'twins', 'lipschitz', 'pca', 'silencing',
            'stability')


def stadium(path):
    """Write a short track: two straights of 2 m, two half circles of 1.7 m radius; round to the left."""
    angle = np.linspace(0.0, np.pi, 16)
    ends = [np.stack((side + side * 1.7 * np.sin(angle), -side * 1.7 * np.cos(angle)), 1) for side in (1.0, -1.0)]
    rows = [f'{x:.4f}, {y:.4f}, 0.5, 0.5' for x, y in np.concatenate(ends)]
    path.write_text('\n'.join(['# x_m, y_m, w_tr_right_m, w_tr_left_m', *rows]) + '\n')
    return str(path)


@pytest.fixture(scope='module')
def report(tmp_path_factory):
    """Return the folder of the shipped policy's report on a short track, against an untrained GRU."""
    folder = tmp_path_factory.mktemp('audit')
    save_policy(new_policy('gru', 'small', seed=1), folder / 'gru.safetensors')
    assert main(['audit', SHIPPED, '--track', stadium(folder / 'stadium.csv'), '--engine', 'fast', '--tracks', '0',
                 '--baseline', str(folder / 'gru.safetensors'), '--out', str(folder / 'out'),
                 '--json', str(folder / 'copy.json')]) == 0
    return folder


@pytest.fixture(scope='module')
def figures(report):
    return json.loads((report / 'out' / 'report.json').read_text())


@pytest.fixture(scope='module')
def record(report):
    return load_record(report / 'out' / 'neurons.npz')


def test_the_page_holds_every_part_and_needs_nothing_else(report):
    page = (report / 'out' / 'report.html').read_text()
    assert all(f'<section id="{name}">' in page for name in SECTIONS)
    assert page.count('How it was computed') == page.count('Source: ') == len(SECTIONS)
    assert page.count('<svg') >= 2 * 19 + 6 and page.count('class="look"') == 6 + 10
    loaded = re.findall(r'(?:src|xlink:href|href|url)[=(]"?([^")\s>]+)', page)
    assert loaded and all(address.startswith(('data:', '#')) for address in loaded)
    assert '<script' not in page and 'nan' not in re.sub(r'base64,[^"]+', '', page).lower().split()


def test_the_json_names_every_figure_and_its_method(figures, report):
    assert set(SECTIONS) <= figures['methods'].keys()
    assert all(method['how'] and method['source'] for method in figures['methods'].values())
    assert figures['outcome']['completed'] and len(figures['neurons']) == 19
    assert figures['drive']['cell'] == 'ltc' and len(figures['stability']['moments']) == 10
    assert [row['policy'] for row in figures['pca']] == ['LTC, 19 (this policy)', 'gru']
    assert figures['silencing'] is None and figures['twins']['laps'] == []
    assert 0.0 < figures['ssim']['input_gradients']['mean'] < figures['ssim']['visual_backprop']['mean'] <= 1.0
    assert json.loads((report / 'copy.json').read_text()) == figures


def test_the_recorded_neurons_give_the_recorded_command(record):
    weights = load_file(SHIPPED)
    share = np.clip(weights['gain'] * record.states[:, 0] + weights['bias'], -1.0, 1.0)
    assert record.steering_rad == pytest.approx(share * record.about.max_steering_rad, abs=1e-5)


def test_correlations_follow_from_the_recorded_neurons(figures, record):
    for neuron, row in enumerate(figures['neurons']):
        expected = np.corrcoef(record.states[:, neuron], record.steering_rad)[0, 1]
        assert row['correlation'] == pytest.approx(expected, abs=1e-5)


def test_time_constants_follow_from_the_recorded_neurons_and_the_file(figures, record):
    weights = {name.removeprefix('network.'): value.astype(np.float64) for name, value in load_file(SHIPPED).items()}
    wiring = load_policy(SHIPPED).spec.wiring
    expected = np.abs(weights['gleak'] / weights['cm']) * np.ones((len(record), 19))
    for prefix, listed, sources in (('sensory_', wiring['sensory_synapses'], record.features),
                                    ('', wiring['synapses'], record.states)):
        for synapse, (source, target, _polarity) in enumerate(listed):
            sigma, mu, w = (weights[prefix + name][synapse] for name in ('sigma', 'mu', 'w'))
            fired = 1.0 / (1.0 + np.exp(-sigma * (sources[:, source].astype(np.float64) - mu)))
            expected[:, target] += abs(w) * fired / abs(weights['cm'][target])
    seconds = record.about.period_s / expected
    curve = np.abs(record.steering_rad) > np.percentile(np.abs(record.steering_rad), 98) / 3.0
    assert figures['adapting']['ticks']['curve'] == curve.sum() > 50
    assert record.time_constant_s == pytest.approx(seconds, rel=1e-3)
    for neuron, row in enumerate(figures['neurons']):
        assert row['time_constant_s']['mean'] == pytest.approx(seconds[:, neuron].mean(), rel=1e-3)
        assert row['time_constant_s']['curve'] == pytest.approx(np.median(seconds[curve, neuron]), rel=1e-3)


def test_principal_components_follow_from_the_recorded_neurons(figures, record):
    variances = np.linalg.eigvalsh(np.cov(record.states.T.astype(np.float64)))[::-1]
    assert figures['pca'][0]['shares'] == pytest.approx(variances / variances.sum(), abs=1e-6)


def test_the_lipschitz_constants_over_time_follow_from_the_recorded_neurons(figures, record):
    slopes = np.abs(np.diff(record.states, axis=0)) * 30.0
    assert [row['lipschitz_per_s'] for row in figures['neurons']] == pytest.approx(slopes.max(0), rel=1e-3)


def test_the_recorded_places_are_a_lap_of_the_track(record):
    turned = np.unwrap(np.arctan2(np.diff(record.y_m), np.diff(record.x_m))[5:])
    assert turned[-1] - turned[0] == pytest.approx(2.0 * np.pi, abs=0.4)
    assert np.abs(record.lateral_m).max() < 0.5


def test_a_recorded_drive_is_audited(tmp_path, capsys):
    pytest.importorskip('rosbags')
    assert main(['import-tub', str(write_tub(tmp_path / 'tub', drive(40))), str(tmp_path / 'bag'),
                 '--imu-axes=none']) == 0
    save_policy(new_policy('cfc', 'small', seed=1), tmp_path / 'cfc.safetensors')
    assert main(['audit', str(tmp_path / 'cfc.safetensors'), '--bag', str(tmp_path / 'bag'), '--tracks', '0',
                 '--out', str(tmp_path / 'out')]) == 0
    assert '19 neurons' in capsys.readouterr().out
    figures = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert figures['outcome']['samples'] == figures['drive']['ticks'] and figures['twins'] is None
    assert 'gate' in figures['methods']['time constants']['source']
    assert np.isnan(load_record(tmp_path / 'out' / 'neurons.npz').x_m).all()


@pytest.mark.parametrize(('arguments', 'named'), (
    (['nowhere.safetensors'], 'nowhere.safetensors'),
    ([SHIPPED, '--tracks', '-1'], 'tracks -1'),
    ([SHIPPED, '--track', 'random:x'], 'random:x'),
    ([SHIPPED, '--bag', 'nowhere'], 'nowhere'),
    ([SHIPPED, '--condition', 'fog'], 'fog'),
    ([SHIPPED, '--bag', 'bag', '--condition', 'noise=0.2'], 'noise=0.2'),
    ([SHIPPED, '--baseline', 'none.safetensors'], 'none.safetensors')))
def test_bad_input_is_one_line_and_code_2(arguments, named, tmp_path, capsys):
    assert main(['audit', *arguments, '--out', str(tmp_path / 'out')]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith('error: ') and named in said and '\n' not in said


def test_a_policy_without_a_state_is_refused(tmp_path, capsys):
    save_policy(new_policy('cnn', 'small', seed=1), tmp_path / 'cnn.safetensors')
    assert main(['audit', str(tmp_path / 'cnn.safetensors'), '--out', str(tmp_path / 'out')]) == 2
    assert 'CNN without neurons' in capsys.readouterr().err


def test_a_file_that_is_no_record_is_refused(tmp_path):
    (tmp_path / 'neurons.npz').write_bytes(b'nothing')
    with pytest.raises(InputError, match='no record of neurons'):
        load_record(tmp_path / 'neurons.npz')


def test_no_line_spans_a_gap(record):
    part = np.arange(len(record)) // 100
    cut = replace(record, sequence=part, time_s=record.time_s + 5.0 * part)
    time, values = with_gaps(cut, cut.steering_rad)
    assert (np.diff(time) > 0).all() and np.isnan(values).sum() == cut.sequence[-1]
    assert np.isnan(values[100]) and time[100] == pytest.approx(cut.time_s[99] + cut.about.period_s)
