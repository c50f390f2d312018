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

"""Benchmarks measure what they say, and their peers compute the same as what they are compared with."""
import importlib.util
import json

import numpy as np
import pytest
import torch

from liquid_control.benchmarks.ncps_peer import NcpsNetwork, ncps_policy
from liquid_control.benchmarks.node import Recording, bench_node
from liquid_control.benchmarks.policy import bench_policy
from liquid_control.benchmarks.spiking import bench_spiking, dense_work, head_multiply_adds, spiking_work
from liquid_control.benchmarks.timing import CALLS, WARM_UP_CALLS, interleave, ratio, rows_of
from liquid_control.benchmarks.train import bench_train
from liquid_control.benchmarks.view import ALONE, WATCHED, bench_view, result_of
from liquid_control.cli import main
from liquid_control.cli.ros_domain import use_private_domain
from liquid_control.errors import InputError
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import save_policy


@pytest.fixture(scope='module')
def policy():
    return new_policy('ltc', 'small', seed=2).eval()


@pytest.fixture(scope='module')
def policy_file(policy, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp('bench') / 'policy.safetensors'
    save_policy(policy, path)
    return str(path)


def test_the_peer_gives_the_same_commands(policy):
    peer = ncps_policy(policy).eval()
    generator = torch.Generator().manual_seed(0)
    state = peer_state = policy.initial_state(2)
    for _ in range(5):
        picture = torch.randint(0, 256, (2, 144, 192, 3), dtype=torch.uint8, generator=generator)
        imu, elapsed = torch.randn(2, 6, generator=generator), 0.5 + torch.rand(2, 1, generator=generator)
        with torch.inference_mode():
            command, state = policy(picture, imu, elapsed, state)
            peer_command, peer_state = peer(picture, imu, elapsed, peer_state)
        assert torch.allclose(command, peer_command, atol=1e-5) and torch.allclose(state, peer_state, atol=1e-5)
    assert state.abs().max() > 0.05


def test_the_peer_learns_from_the_same_sequences(policy):
    peer = NcpsNetwork(policy.network)
    inputs, elapsed = torch.rand(3, 4, 32), torch.rand(3, 4, 1) + 0.5
    ours, _ = policy.network.run_sequence(inputs, torch.zeros(3, 19), elapsed)
    theirs, _ = peer.run_sequence(inputs, torch.zeros(3, 19), elapsed)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_policy_without_an_ltc_has_no_peer():
    with pytest.raises(InputError, match="cell 'gru'.*give an LTC policy"):
        ncps_policy(new_policy('gru', 'small', seed=0))


def test_spikes_are_counted_while_driving_and_make_the_additions():
    policy = new_policy('spiking', 'small', seed=0).eval()
    result = bench_spiking([policy], tracks=1)
    rows, spikes = {row['name']: row for row in result['rows']}, result['spikes']
    assert 0.0 < spikes['mean'] < spikes['neurons'] == 32 and spikes['decisions'] > 20
    assert rows['spiking']['additions'] == pytest.approx(33 * spikes['mean'] + 2 * 32)
    assert rows['spiking']['multiply_adds'] == 32 * 32 + 32 + 4 * 32 * 32 + 3 * 32 + 3
    assert rows['spiking, computed densely']['multiply_adds'] - rows['spiking']['multiply_adds'] == 32 * 33
    assert rows['LTC, 19 neurons']['energy_nj'] == pytest.approx(4.6e-3 * 1884)
    assert result['completed']['of'] == 1
    with pytest.raises(InputError, match="cell 'gru'.*spiking"):
        bench_spiking([new_policy('gru', 'small', seed=0)])


def test_operations_of_a_spiking_network_grow_with_its_spikes_only():
    network = new_policy('spiking', 'small', seed=0).network
    quiet, busy = spiking_work(network, 0.0), spiking_work(network, 32.0)
    assert quiet.multiply_adds == busy.multiply_adds < dense_work(network).multiply_adds
    assert busy.additions - quiet.additions == 32 * 33


def test_operations_of_the_head_are_those_of_its_layers(policy):
    convolutions = 16 * 11 * 23 * 3 * 36 + 32 * 5 * 11 * 16 * 9 + 32 * 3 * 9 * 32 * 9
    assert head_multiply_adds(policy) == convolutions + 29 * 864


def test_calls_are_timed_in_turns():
    order, rounds = [], []
    calls = {'a': lambda: order.append('a'), 'b': lambda: order.append('b')}
    samples = interleave(calls, 3, lambda: rounds.append(len(order)))
    assert {name: len(values) for name, values in samples.items()} == {'a': 3 * CALLS, 'b': 3 * CALLS}
    assert ''.join(order) == 'a' * WARM_UP_CALLS + 'b' * WARM_UP_CALLS + 3 * ('a' * CALLS + 'b' * CALLS)
    assert len(rounds) == 3 and all(value > 0.0 for value in samples['a'])


def test_rows_and_ratios():
    rows = rows_of({'ours': [1.0, 2.0, 3.0], 'peer': [4.0, 4.0, 4.0]})
    assert rows[0] == {'name': 'ours', 'median_us': 2.0, 'p99_us': pytest.approx(2.98)}
    assert ratio(rows, 'ours', 'peer') == 0.5


def test_latency_is_from_a_picture_to_its_first_command():
    ms = 1_000_000
    recording = Recording(
        pictures=np.array([10, 20, 30, 40]) * ms, memory_mb=1.0,
        commands=np.array([(10, 11, 12), (10, 15, 16), (30, 33, 34), (999, 36, 37)]) * ms)
    assert recording.latencies_us().tolist() == [2000.0, 4000.0]
    assert recording.answered() == pytest.approx(2 / 3)
    assert recording.period_errors_us(100.0).tolist() == [6000.0, 8000.0, 7000.0]


def test_bench_policy_compares_with_the_peer(policy):
    result = bench_policy(policy, rounds=1)
    names = [row['name'] for row in result['rows']]
    assert {'policy, TorchScript', 'policy, ncps eager', 'LTC step, TorchScript', 'LTC step, ncps eager'} <= set(names)
    assert all(0.0 < row['median_us'] <= row['p99_us'] for row in result['rows'])
    times = {row['name']: row['median_us'] for row in result['rows']}
    assert result['ratios']['policy_vs_ncps_eager'] == times['policy, TorchScript'] / times['policy, ncps eager']
    assert result['ratios']['ltc_step_vs_ncps_eager'] == times['LTC step, TorchScript'] / times['LTC step, ncps eager']


def test_bench_train_counts_frames():
    result = bench_train(rounds=1)
    per_s = {row['name']: row['per_s'] for row in result['rows']}
    assert {'collect', 'learn, ltc', 'learn, ncps ltc', 'learn, cfc', 'learn, ncps cfc'} <= set(per_s)
    assert all(value > 0.0 for value in per_s.values())
    assert result['ratios']['ltc_vs_ncps'] == per_s['LTC'] / per_s['LTC, ncps']
    assert result['ratios']['cfc_vs_ncps'] == per_s['CfC'] / per_s['CfC, ncps']


def test_the_peer_of_a_cfc_has_its_synapses():
    cell = new_policy('cfc', 'small', seed=2).network
    peer = NcpsNetwork(cell)
    sensory = peer.cell.layer_0.sparsity_mask[:, :cell.input_size]
    assert int(sensory.sum()) == cell.sensory_synapse_count
    output, state = peer.run_sequence(torch.rand(2, 3, 32), torch.zeros(2, 19), torch.ones(2, 3, 1))
    assert output.shape == (2, 3, 1) and state.shape == (2, 19)


@pytest.mark.skipif(importlib.util.find_spec('rclpy') is None, reason='rclpy is not installed')
def test_bench_node_measures_both_nodes_over_dds(policy_file):
    use_private_domain()
    result = bench_node(policy_file, rounds=1, seconds=1.5)
    drive, empty = result['rows']
    assert (drive['name'], empty['name']) == ('drive node', 'empty node')
    assert drive['answered'] > 0.5 and empty['answered'] > 0.5
    assert drive['memory_mb'] > empty['memory_mb'] > 10.0
    assert result['ratios']['node_p50'] == drive['median_us'] / empty['median_us'] > 1.0


def test_what_a_page_costs_is_the_ratio_of_latencies_while_it_is_open():
    ms, second = 1_000_000, 1_000_000_000
    pictures = [(stamp, 33 * ms * stamp) for stamp in range(180)]
    slow = [33 * ms * stamp + (3 if stamp >= 91 else 2) * ms for stamp in range(180)]
    noted = {'pictures': pictures, 'commands': [(stamp, slow[stamp]) for stamp in range(180)] + [(5, second)]}
    spans = {ALONE: [(0, 3 * second)], WATCHED: [(3 * second, 6 * second)]}
    result = result_of(noted, spans, {ALONE: [0.0], WATCHED: [0.2]})
    alone, watched = result['rows']
    assert (alone['median_us'], watched['median_us']) == (2000.0, 3000.0)
    assert result['ratios']['watched_p50'] == pytest.approx(1.5)
    assert result['ci95']['watched_p50'] == pytest.approx([1.5, 1.5])
    assert watched['rate_hz'] == pytest.approx(29.7, abs=0.4) and watched['watchers_cores'] == 0.2


@pytest.mark.skipif(importlib.util.find_spec('rclpy') is None, reason='rclpy is not installed')
def test_bench_view_watches_a_drive_over_dds(policy_file, monkeypatch):
    monkeypatch.setattr('liquid_control.benchmarks.view.BROWSERS', ())
    use_private_domain()
    result = bench_view(policy_file, rounds=1, seconds=1.5)
    assert [row['name'] for row in result['rows']] == [ALONE, WATCHED]
    alone, watched = result['rows']
    assert alone['rate_hz'] > 5.0 and watched['rate_hz'] > 5.0
    assert alone['watchers_cores'] == 0.0 < watched['watchers_cores']
    assert result['ratios']['watched_p50'] == watched['median_us'] / alone['median_us']


def test_the_verb_prints_and_writes(policy_file, tmp_path, capsys):
    out = tmp_path / 'bench.json'
    assert main(['bench', 'simulator', '--policy', policy_file, '--json', str(out)]) == 0
    data = json.loads(out.read_text())
    assert data['benchmark'] == 'simulator' and 'fast_fleet_vs_mujoco' in data['ratios']
    assert [row['name'] for row in data['rows']] == ['MuJoCo, 1 car', 'fast, 1 car', 'fast, 64 cars']
    per_s = [row['per_s'] for row in data['rows']]
    assert min(per_s) > 0.0 and per_s == pytest.approx([30.0 * row['times_real_time'] for row in data['rows']])
    printed = capsys.readouterr().out
    assert 'fast_fleet_vs_mujoco: ' in printed and 'frames a second' in printed


@pytest.mark.parametrize('benchmark', ['policy', 'node', 'jitter', 'view'])
def test_a_missing_policy_is_refused_before_anything_starts(benchmark, capsys):
    assert main(['bench', benchmark, '--policy', 'nowhere.safetensors']) == 2
    assert "error: policy 'nowhere.safetensors' is not a file" in capsys.readouterr().err
