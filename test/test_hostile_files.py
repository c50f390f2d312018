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
"""Hostile files: read or refused with one line, nothing run, nothing left behind; and what notices it notices it."""
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from liquid_control.errors import InputError
from liquid_control.evaluation.hostile.files import read_hostile_files
from liquid_control.evaluation.hostile.guard import Guard
from liquid_control.evaluation.hostile.mutations import spoil, spoil_safetensors
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import load_policy, save_policy
from liquid_control.whole_file import whole_folder, write_whole


def test_hostile_files_of_every_kind_do_nothing():
    findings = read_hostile_files(600, 7)
    assert findings.problems == []
    assert all(outcome.files >= 50 and outcome.refused >= 5 for outcome in findings.outcomes)


def test_a_length_that_no_file_has_is_refused():
    assert read_hostile_files(1, 5, first=29250).problems == []


class Attack:
    def __reduce__(self):
        return os.getenv, ('HOME',)


def test_the_guard_notices_code_processes_and_files_outside(tmp_path):
    guard = Guard()
    attack = pickle.dumps(Attack())
    (tmp_path / 'inside').mkdir()
    with guard.armed(tmp_path / 'inside'):
        pickle.loads(attack)
        exec('1 + 1')
        (tmp_path / 'inside' / 'a').write_text('')
        (tmp_path / 'outside').write_text('')
        subprocess.run(['true'], check=True)
    seen = ' '.join(guard.found)
    assert all(event in seen for event in ('pickle.find_class', 'exec', 'outside its folder', 'subprocess.Popen'))
    assert not any('inside/a' in line for line in guard.found)
    count = len(guard.found)
    exec('1 + 1')
    assert len(guard.found) == count


def test_the_same_number_spoils_the_same_way(tmp_path):
    save_policy(new_policy('ltc', 'small', 0), tmp_path / 'p.safetensors')
    content = (tmp_path / 'p.safetensors').read_bytes()
    for way in spoil, spoil_safetensors:
        once, again = (way(content, np.random.default_rng((1, 2))) for _ in range(2))
        assert once == again != content


def rewritten(path, header):
    content = path.read_bytes()
    length = int.from_bytes(content[:8], 'little')
    text = header(content[8:8 + length])
    path.write_bytes(len(text).to_bytes(8, 'little') + text + content[8 + length:])


@pytest.mark.parametrize(('header', 'words'), [
    (lambda text: text[:-1] + b',"gain":' + b'{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 'given twice'),
    (lambda text: text[:-1] + b' ' * 9_000_000 + b'}', 'larger than'),
    (lambda text: b'[' * 100_000, 'not a readable safetensors file'),
    (lambda text: text.replace(b'\\"inputs\\": 32', b'\\"inputs\\": 1' + b'0' * 400), 'inputs'),
    (lambda text: text.replace(b'F32', b'F99', 1), 'not a readable safetensors file')])
def test_a_tampered_header_is_refused(tmp_path, header, words):
    path = tmp_path / 'p.safetensors'
    save_policy(new_policy('ltc', 'small', 0), path)
    rewritten(path, header)
    with pytest.raises(InputError, match=words) as caught:
        load_policy(path)
    assert '\n' not in str(caught.value)


WRITER = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from liquid_control.whole_file import whole_folder, write_whole
from liquid_control.errors import InputError
folder = Path(sys.argv[1])
try:
    write_whole(folder / 'file', bytes(200_000))
except InputError as error:
    print(error)
try:
    with whole_folder(folder / 'bag') as bag:
        bag.mkdir()
        (bag / 'part').write_bytes(bytes(200_000))
except OSError as error:
    print(error)
"""


def test_a_file_or_folder_that_does_not_fit_leaves_nothing_and_the_old_one(tmp_path):
    (tmp_path / 'file').write_text('old')
    said = subprocess.run([sys.executable, '-c', WRITER, str(tmp_path)], capture_output=True, text=True, check=True,
                          env=os.environ | {'PYTHONPATH': str(Path(__file__).parents[1])})
    assert len(said.stdout.splitlines()) == 2 and 'cannot be written' in said.stdout
    assert [path.name for path in tmp_path.iterdir()] == ['file'] and (tmp_path / 'file').read_text() == 'old'


def test_a_folder_appears_when_it_is_complete_and_a_pipe_takes_content_as_it_comes(tmp_path):
    with whole_folder(tmp_path / 'bag') as bag:
        bag.mkdir()
        (bag / 'part').write_text('1')
        assert not (tmp_path / 'bag').exists()
    assert [path.name for path in tmp_path.iterdir()] == ['bag'] and (tmp_path / 'bag' / 'part').read_text() == '1'
    os.mkfifo(tmp_path / 'pipe')
    reader = os.open(tmp_path / 'pipe', os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / 'pipe', b'here')
    assert os.read(reader, 10) == b'here'
    os.close(reader)
