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

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liquid_control.cli import VERBS, main
from liquid_control.cli.export import picture_size
from liquid_control.cli.output import check_writable, make_folder, write_json
from liquid_control.cli.progress import LINE_EVERY_S, PlainLines, progress
from liquid_control.cli.ros_domain import discovery_port, free_domain
from liquid_control.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[1]
POLICY = REPOSITORY / 'models' / 'ncp19.safetensors'

BAD_INPUT = [
    (['fly'], 'fly'),
    ([], 'VERB'),
    (['drive', '--laps', 'many'], 'many'),
    (['drive', '--laps', '0'], '1 to 1000'),
    (['drive', '--seed', '-1'], 'seed -1'),
    (['drive', '--policy', 'missing.safetensors'], 'missing.safetensors'),
    (['drive', '--track', 'missing.csv'], 'missing.csv'),
    (['drive', '--track', 'random:x'], 'random:x'),
    (['drive', '--road-width', '99'], '0.4 to 6'),
    (['drive', '--centre-line', 'wavy'], 'wavy'),
    (['drive', '--out', '/dev/null/here'], '/dev/null/here'),
    (['drive', '--json', '/dev/null/here/x.json'], '/dev/null'),
    (['inspect', 'missing.safetensors'], 'missing.safetensors'),
    (['inspect', __file__], 'safetensors'),
    (['export', str(POLICY), '--format', 'cobol'], 'cobol'),
    (['export', str(POLICY), '--format', 'onnx', '--picture', '3x3'], '3x3'),
    (['evaluate', 'missing.safetensors'], 'missing.safetensors'),
    (['replay', 'missing_bag'], 'missing_bag'),
    (['import-tub', 'missing_tub', 'bag'], 'missing_tub'),
    (['train', '--seconds', '-1'], '-1'),
    (['bench', 'nothing'], 'nothing'),
]


def exit_code(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize('verb', VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert exit_code([verb, '--help']) == 0
    shown = capsys.readouterr().out
    assert f'liquid-control {verb}' in shown and '--help' in shown


def test_the_verbs_are_listed_with_what_they_do(capsys):
    assert exit_code(['--help']) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)


@pytest.mark.parametrize(('arguments', 'named'), BAD_INPUT, ids=[' '.join(map(str, a))[-40:] for a, _ in BAD_INPUT])
def test_bad_input_is_one_line_and_code_2(arguments, named, capsys):
    assert exit_code(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith('error: ') and named in told
    assert told.count('\n') == 1


def test_python_m_is_the_same_command():
    done = subprocess.run(
        [sys.executable, '-m', 'liquid_control', 'fly'], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 2 and done.stderr.count('\n') == 1


def test_an_interrupted_verb_ends_with_130_and_no_traceback():
    process = subprocess.Popen(
        [sys.executable, '-m', 'liquid_control', 'evaluate', str(POLICY), '--engine', 'fast', '--episodes', '500'],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(4.0)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60.0)
    assert process.returncode == 130
    assert 'Traceback' not in told and told.rstrip().endswith('interrupted')


def test_inspect_tells_neurons_synapses_and_parameters(capsys, tmp_path):
    assert exit_code(['inspect', str(POLICY), '--json', str(tmp_path / 'policy.json')]) == 0
    shown = capsys.readouterr().out
    assert '19: ' in shown and '252: ' in shown and '1065 in the' in shown
    assert '"wiring"' in (tmp_path / 'policy.json').read_text()


def test_export_writes_torchscript_and_names_its_hash(capsys, tmp_path):
    out = tmp_path / 'policy.pt'
    assert exit_code(['export', str(POLICY), '--format', 'torchscript', '--out', str(out)]) == 0
    from liquid_control.policy.compiling import load_exported
    from liquid_control.policy.policy_file import sha256_of
    assert sha256_of(out) in capsys.readouterr().out
    assert load_exported(out, sha256_of(out)).spec.cell == 'ltc'


def test_picture_sizes():
    assert picture_size('192x144') == (192, 144)
    for text in ('', '192', '192x', 'x144', '-1x144', '192x144x3', '9000x10', '7x8'):
        with pytest.raises(InputError, match='192x144'):
            picture_size(text)


def test_json_goes_to_a_file_that_can_be_written(tmp_path):
    write_json(None, {})
    write_json(tmp_path / 'new' / 'x.json', {'a': 1})
    assert (tmp_path / 'new' / 'x.json').read_text() == '{\n  "a": 1\n}\n'
    with pytest.raises(InputError, match='is a folder'):
        check_writable(tmp_path)
    with pytest.raises(InputError, match='cannot be made'):
        make_folder(tmp_path / 'new' / 'x.json' / 'below')


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_plain_progress_is_a_line_now_and_then(capsys):
    clock = FakeClock()
    with PlainLines(100, 'Working', clock=clock) as lines:
        for _ in range(100):
            clock.now += 0.2
            lines.advance(note='on it')
    told = capsys.readouterr().err.splitlines()
    assert len(told) <= 1 + 20.0 / LINE_EVERY_S
    assert told[0].startswith('Working: 25 %, 15 s left')
    assert told[-1] == 'Working: 100 %, 20 s  on it'


def test_work_that_was_resumed_is_judged_by_its_pace_since(capsys):
    clock = FakeClock()
    with PlainLines(1.0, 'Learning', clock=clock) as lines:
        for done in 0.5, 0.6, 0.7:
            clock.now += 10.0
            lines.update(done)
    told = capsys.readouterr().err.splitlines()
    assert [line.split(', ')[1] for line in told] == ['10 s left', '40 s left', '30 s left']


def test_progress_counts_what_is_read(capsys):
    assert list(progress(iter('abc'), 'Reading')) == ['a', 'b', 'c']
    assert capsys.readouterr().err == 'Reading: 100 %, 0 s\n'


def test_work_that_fails_is_not_reported_as_done(capsys):
    with pytest.raises(InputError), progress(10, 'Working'):
        raise InputError('no')
    assert capsys.readouterr().err == ''


def test_a_domain_in_use_is_passed_over():
    import socket
    domain = free_domain(20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(('', discovery_port(domain)))
        assert free_domain(domain - 1) != domain
    assert discovery_port(0) == 7400
