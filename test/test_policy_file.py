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

"""The policy file: what is written comes back, and what is not a policy is refused with one clear line."""
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from liquid_control.errors import InputError
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import HEADER_KEY, load_policy, save_policy
from liquid_control.policy.spec import CELLS

PICTURE = torch.randint(0, 256, (1, 120, 160, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def answer(policy):
    return policy(PICTURE, torch.ones(1, 6), torch.ones(1, 1), policy.initial_state())


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp('policy') / 'p.safetensors'
    save_policy(new_policy('ltc', 'small', 3), path)
    return path


def rewritten(file, path, change):
    """Write a copy of a policy file with its tensors and metadata changed."""
    tensors = load_file(file)
    metadata = load_policy(file).spec.to_json()
    metadata = json.loads(json.dumps(metadata))
    change(tensors, metadata)
    save_file(tensors, path, metadata={HEADER_KEY: json.dumps(metadata)})
    return path


@pytest.mark.parametrize('cell', CELLS)
def test_a_saved_policy_answers_the_same(cell, tmp_path):
    policy = new_policy(cell, 'small', 1).eval()
    save_policy(policy, tmp_path / 'p.safetensors')
    again = load_policy(tmp_path / 'p.safetensors')
    assert again.spec == policy.spec
    for one, other in zip(answer(policy), answer(again)):
        assert torch.equal(one, other)


def test_the_car_network_has_19_neurons_252_synapses_and_1065_parameters(file):
    policy = load_policy(file)
    wiring = policy.spec.wiring
    assert wiring['units'] == policy.initial_state().shape[1] == 19
    assert len(wiring['sensory_synapses']) + len(wiring['synapses']) == 252
    assert sum(p.numel() for p in policy.network.parameters()) == 1065


def test_the_head_of_the_paper_has_79420_parameters():
    policy = new_policy('ltc', 'paper', 0)
    assert sum(p.numel() for p in policy.head.parameters()) == 79_420
    assert answer(policy)[0].shape == (1, 2)


def test_a_cut_file_is_refused(file, tmp_path):
    content = file.read_bytes()
    for size in (0, 5, 100, len(content) // 2, len(content) - 1):
        (tmp_path / 'cut.safetensors').write_bytes(content[:size])
        with pytest.raises(InputError, match='cut.safetensors'):
            load_policy(tmp_path / 'cut.safetensors')


def test_a_missing_file_a_folder_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(InputError, match='is not a file'):
        load_policy(tmp_path / 'none.safetensors')
    with pytest.raises(InputError, match='is not a file'):
        load_policy(tmp_path)
    torch.save({'a': torch.ones(1)}, tmp_path / 'pickle.pt')
    with pytest.raises(InputError, match='safetensors'):
        load_policy(tmp_path / 'pickle.pt')
    save_file({'a': torch.ones(1)}, tmp_path / 'foreign.safetensors')
    with pytest.raises(InputError, match="no 'liquid_control' metadata"):
        load_policy(tmp_path / 'foreign.safetensors')


@pytest.mark.parametrize('change, words', [
    (lambda t, m: m.update(format_version=99), 'version 99'),
    (lambda t, m: m.update(cell='perceptron'), 'perceptron'),
    (lambda t, m: m.update(max_steering_rad='wide'), 'steering limit'),
    (lambda t, m: m.update(period_s=float('nan')), 'period'),
    (lambda t, m: m.update(surprise=1), 'surprise'),
    (lambda t, m: m.update(crop=[0.9, 0.9, 0, 0]), 'crop'),
    (lambda t, m: m['wiring'].update(units=10**9), '1000000000'),
    (lambda t, m: m['wiring']['synapses'].append([0, 77, 1]), 'neuron 77'),
    (lambda t, m: m['wiring']['synapses'].append([0, 1, 5]), 'polarity is 5'),
    (lambda t, m: m['wiring']['synapses'].pop(), 'network'),
    (lambda t, m: t.pop('gain'), "'gain' is missing"),
    (lambda t, m: t.update(extra=torch.ones(1)), "'extra' is unknown"),
    (lambda t, m: t.update(gain=torch.ones(2)), "'gain'"),
    (lambda t, m: t.update(gain=torch.tensor(float('nan'))), 'not finite'),
])
def test_a_changed_file_is_refused_with_its_reason(file, tmp_path, change, words):
    with pytest.raises(InputError, match=words) as caught:
        load_policy(rewritten(file, tmp_path / 'p.safetensors', change))
    assert '\n' not in str(caught.value)


def test_a_file_is_written_whole_or_not_at_all(file, tmp_path):
    with pytest.raises(InputError, match='cannot be written'):
        save_policy(load_policy(file), '/proc/nowhere/p.safetensors')
    save_policy(load_policy(file), tmp_path / 'p.safetensors')
    assert [path.name for path in tmp_path.iterdir()] == ['p.safetensors']
