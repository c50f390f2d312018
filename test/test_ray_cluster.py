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

"""Learning and evaluating on a real Ray cluster of this machine: the same results as without it."""
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from liquid_control.cli import main
from liquid_control.errors import InputError
from liquid_control.evaluation.closed_loop import evaluate_policies
from liquid_control.learning import run as run_module
from liquid_control.learning import simulated
from liquid_control.learning.simulated import Budget, Where, learn_in_simulation, new_policy
from liquid_control.policy.policy_file import save_policy
from liquid_control.ray_cluster import ray_cluster

REPOSITORY = Path(__file__).resolve().parents[1]
SHIPPED = str(REPOSITORY / 'models' / 'ncp19.safetensors')
with_ray = pytest.mark.skipif(find_spec('ray') is None, reason='ray is not installed')


@pytest.fixture(scope='module')
def cluster():
    """Give a local cluster of two CPUs that all tests use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', f'{REPOSITORY}{os.pathsep}{os.environ.get("PYTHONPATH", "")}')
        patch.setenv('RAY_USAGE_STATS_ENABLED', '1')
        patch.setenv('RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER', '1')
        with ray_cluster('local', cpus=2) as ray:
            yield ray


@with_ray
def test_evaluate_gives_the_rows_that_it_gives_without(cluster, tmp_path):
    policy = str(tmp_path / 'untrained.safetensors')
    save_policy(new_policy('ltc', 'small', 3), policy)
    circuit = tmp_path / 'circle.csv'
    angle = torch.linspace(0.0, 6.2831853, 65)[:-1]
    rows = torch.stack((5.0 * angle.cos(), 5.0 * angle.sin(), torch.ones(64), torch.ones(64)), 1)
    circuit.write_text('# x_m, y_m, w_tr_right_m, w_tr_left_m\n'
                       + ''.join(', '.join(f'{value:.4f}' for value in row) + '\n' for row in rows.tolist()))
    seen = []
    arguments = [policy], ['random:610000', str(circuit)], ['clean', 'noise=0.2']
    on_ray = evaluate_policies(*arguments, engine='fast', seed=4, ray='local', on_episode=seen.append)
    assert on_ray == evaluate_policies(*arguments, engine='fast', seed=4, workers=1)
    assert len(seen) == 4 and {row['track'] for row in seen} == {'random:610000', str(circuit)}


@with_ray
def test_train_gives_the_weights_that_it_gives_without(cluster, monkeypatch):
    monkeypatch.setattr(simulated, 'CARS', 4)
    monkeypatch.setattr(simulated, 'TRIAL_SEEDS', range(990_000, 990_002))
    monkeypatch.setattr(run_module, 'STEPS_PER_TRIAL', 2)
    threads = torch.get_num_threads()
    learned = [
        learn_in_simulation(new_policy('cnn', 'small', 5), 5, Budget(1e3, 2 * 4 * 16), lambda progress: None, where)
        for where in (Where(1, ray='local'), Where(1))]
    torch.set_num_threads(threads)
    one, other = (torch.cat([p.detach().flatten() for p in result.policy.parameters()]) for result in learned)
    assert torch.equal(one, other) and learned[0].score == learned[1].score


@with_ray
def test_more_workers_than_cpus_are_refused(cluster):
    with pytest.raises(InputError, match='3 workers need as many CPUs, the Ray cluster has 2; give --workers 2'):
        learn_in_simulation(
            new_policy('cnn', 'small', 5), 5, Budget(1e3, 1), lambda progress: None, Where(3, ray='local'))


@with_ray
def test_a_local_cluster_sends_no_statistics_and_listens_on_the_loopback_only(cluster):
    assert os.environ['RAY_USAGE_STATS_ENABLED'] == '0'
    assert cluster.util.get_node_ip_address() == '127.0.0.1'
    ray_processes = _below(os.getpid())
    inodes = {inode for pid in ray_processes for inode in _sockets(pid)}
    listening = [(address, inode) for address, inode in _listening() if inode in inodes]
    assert len(listening) > 2
    assert {address for address, _ in listening} <= {'0100007F', '0000000000000000FFFF00000100007F'}


@pytest.mark.parametrize(('address', 'words'), [
    ('127.0.0.1:9', "no Ray cluster answers at '127.0.0.1:9'"), ('127.0.0.1:x', "answers at '127.0.0.1:x'"),
    ('nearby', "Ray address 'nearby' is not HOST:PORT, auto or local")])
def test_a_cluster_that_does_not_answer_is_named(address, words, capsys):
    assert main(['evaluate', SHIPPED, '--engine', 'fast', '--episodes', '1', '--ray', address]) == 2
    assert words in capsys.readouterr().err


def test_missing_ray_is_one_clear_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'ray', None)
    assert main(['evaluate', SHIPPED, '--engine', 'fast', '--episodes', '1', '--ray', 'local']) == 2
    assert "--ray local needs the package ray; pip install 'liquid_control[ray]'" in capsys.readouterr().err


def _below(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for parent in found:
        children = Path(f'/proc/{parent}/task').glob('*/children')
        found += [int(child) for file in children for child in file.read_text().split()]
    return found


def _sockets(pid: int) -> list[str]:
    links = []
    for descriptor in Path(f'/proc/{pid}/fd').iterdir():
        try:
            link = os.readlink(descriptor)
        except OSError:
            continue
        links += [link[8:-1]] if link.startswith('socket:[') else []
    return links


def _listening() -> list[tuple[str, str]]:
    """Return address in hexadecimal digits and inode of every listening TCP socket."""
    rows = []
    for table in Path('/proc/net/tcp'), Path('/proc/net/tcp6'):
        fields = [line.split() for line in table.read_text().splitlines()[1:]]
        rows += [(row[1].split(':')[0], row[9]) for row in fields if row[3] == '0A']
    return rows
