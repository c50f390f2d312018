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

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.learning.loop.champion import Contender, checked, crown, first_champion
from liquid_control.learning.loop.journal import Journal
from liquid_control.learning.loop.pairing import Pairing, PictureClock
from liquid_control.learning.loop.plan import Plan
from liquid_control.learning.loop.recorder import Recorder
from liquid_control.learning.loop.supervision import LearnerProcess
from liquid_control.learning.loop.swap import Swap
from liquid_control.learning.loop.work_folder import open_folder
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import save_policy
from liquid_control.recording.sample_bag import Sample, read_new

ROOT = Path(__file__).resolve().parents[1]
MS = 1_000_000


def sample(number, size=48):
    picture = np.random.default_rng(number).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Sample(number * 33 * MS, picture, np.zeros(6, np.float32), Command(0.1, 1.0), None, Command(0.1, 1.0),
                  'expert', False, number, 1, 'collect')


# Pairing

def test_what_belongs_to_a_picture_is_found_by_stamp():
    pairing = Pairing()
    for i in range(6):
        stamp = 1000 * MS + i * 33 * MS
        for k in range(3):
            pairing.feel(stamp + k * 10 * MS, np.full(6, 10 * i + k))
        pairing.see(stamp, f'picture {i}', 0.033 * i)
        pairing.driven(stamp + 5 * MS, Command(0.01 * i, 2.0))
        if i != 1:
            pairing.answered(stamp, Command(0.1 * i, 2.0))
    frames = pairing.ready(0.2)
    assert [frame.picture for frame in frames] == ['picture 0', 'picture 1', 'picture 2']
    assert [frame.imu[0] for frame in frames] == [0, 10, 20]
    assert [frame.policy and frame.policy.steering_rad for frame in frames] == [0.0, None, pytest.approx(0.2)]
    assert [frame.driven.steering_rad for frame in frames] == pytest.approx([0.0, 0.01, 0.02])
    assert len(pairing.ready(10.0)) == 3 and pairing.ready(20.0) == []


def test_old_imu_and_far_commands_do_not_count():
    pairing = Pairing()
    pairing.feel(800 * MS, np.zeros(6))
    pairing.driven(940 * MS, Command(0.1, 2.0))
    pairing.see(1000 * MS, 'picture', 0.0)
    frame, = pairing.ready(1.0)
    assert frame.imu is None and frame.driven is None and frame.policy is None


def test_when_time_goes_back_what_waits_is_dropped_and_counted():
    pairing = Pairing()
    assert pairing.see(1000 * MS, 'a', 0.0) and pairing.see(1033 * MS, 'b', 0.0)
    assert not pairing.see(10 * MS, 'c', 0.1)
    assert [frame.picture for frame in pairing.ready(5.0)] == ['c'] and sum(pairing.missing.values()) == 2


def test_the_clock_of_the_pictures_serves_where_stamps_are_of_another():
    clock = PictureClock()
    assert clock.believed_ns(5, 0.0) is None
    clock.see(10_000 * MS, 1.0)
    assert clock.believed_ns(10_050 * MS, 1.1) == 10_050 * MS
    assert clock.believed_ns(0, 1.1) == clock.believed_ns(99_000 * MS, 1.1) == 10_100 * MS
    assert clock.age_s(3.0) == 2.0


# Journal and folder

def test_a_torn_line_is_cut_off_and_the_journal_goes_on(tmp_path):
    path = tmp_path / 'journal.jsonl'
    Journal(path).write({'event': 'judged', 'round': 1})
    with path.open('ab') as file:
        file.write(b'{"event": "jud')
    journal = Journal(path)
    journal.write({'event': 'judged', 'round': 2})
    assert [json.loads(line)['round'] for line in path.read_text().splitlines()] == [1, 2]
    assert journal.last('judged')['round'] == 2 and len(Journal(path).all('judged')) == 2
    path.write_text('no JSON\n')
    with pytest.raises(InputError, match='line 1 is not a JSON object'):
        Journal(path)


def test_a_full_disk_leaves_the_journal_whole(tmp_path, file_limit):
    journal = Journal(tmp_path / 'journal.jsonl')
    journal.write({'event': 'first'})
    with file_limit(100), pytest.raises(InputError, match='cannot be written'):
        journal.write({'event': 'long', 'text': 'x' * 1000})
    journal.write({'event': 'last'})
    assert [line['event'] for line in Journal(journal.path).lines] == ['first', 'last']


def test_a_folder_serves_one_trainer_at_a_time(tmp_path):
    _, lock = open_folder(str(tmp_path / 'work'))
    with pytest.raises(InputError, match='in use by another trainer'):
        open_folder(str(tmp_path / 'work'))
    lock.close()
    open_folder(str(tmp_path / 'work'))[1].close()
    (tmp_path / 'file').touch()
    for unusable, words in ((str(tmp_path / 'file'), 'cannot be used'), (' ', 'is empty')):
        with pytest.raises(InputError, match=words):
            open_folder(unusable)


def test_the_best_policy_survives_with_its_score(tmp_path):
    folder, lock = open_folder(str(tmp_path))
    journal, plan = Journal(folder.journal), Plan()
    first = first_champion(folder, journal, plan, '')
    assert first.untrained and first.score == 0.0 and first.path == folder.candidate(0)
    save_policy(new_policy('ltc', 'small', 5), folder.candidate(3))
    candidate = checked(folder.candidate(3), 3)
    journal.write({'event': 'judged', 'round': 3, 'sha256': candidate.sha256, 'score': 0.75})
    crown(candidate, folder)
    again = first_champion(folder, Journal(folder.journal), plan, '')
    assert again == Contender(folder.candidate(3), candidate.sha256, 3, 0.75)
    folder.candidate(3).write_bytes(b'half')
    assert first_champion(folder, journal, plan, '').path == folder.best
    folder.best.write_bytes(b'half')
    with pytest.raises(InputError, match='not a readable safetensors file'):
        first_champion(folder, journal, plan, '')
    lock.close()


def test_a_policy_given_is_the_first_and_its_score_is_not_known(tmp_path):
    folder, lock = open_folder(str(tmp_path / 'work'))
    save_policy(new_policy('ltc', 'small', 5), tmp_path / 'given.safetensors')
    first = first_champion(folder, Journal(folder.journal), Plan(), str(tmp_path / 'given.safetensors'))
    assert first.score is None and not first.untrained
    with pytest.raises(InputError, match="policy '/nowhere' is not a file"):
        first_champion(folder, Journal(folder.journal), Plan(), '/nowhere')
    lock.close()


# Recording

def test_a_full_disk_stops_recording_and_what_was_written_stays(tmp_path, file_limit):
    recorder = Recorder(tmp_path)
    assert all(recorder.write(sample(number)) for number in range(1, 6))
    with file_limit(60_000):
        number = 6
        while recorder.write(sample(number)):
            number += 1
            assert number < 100
        assert 'recording to' in recorder.problem and 'space' in recorder.problem
        assert not recorder.write(sample(number))
    assert recorder.samples == number - 1
    recorder.resume()
    assert not recorder.problem and recorder.write(sample(number))
    recorder.split()
    kept = [kept.number for bag in sorted(tmp_path.iterdir()) for kept in read_new(bag, 0)]
    assert kept == list(range(1, number + 1))
    again = Recorder(tmp_path)
    assert (again.samples, again.next_number) == (number, number + 1) and not again.found


# Learner

SPEAKS = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)['learn']
    print('noise that is no message')
    print(json.dumps({'progress': 0.5}), flush=True)
    if request['round'] == 2:
        sys.exit(7)
    print(json.dumps({'done': {'out': request['out'], 'samples': 3}}), flush=True)
"""


def until(learner, true):
    deadline, said = time.monotonic() + 30.0, []
    while not any(true(message) for message in said):
        assert time.monotonic() < deadline, said
        said += learner.said()
        time.sleep(0.01)
    return said


def test_the_learner_is_asked_heard_and_started_again_after_its_end():
    learner = LearnerProcess((sys.executable, '-c', SPEAKS))
    learner.start()
    learner.learn({'round': 1, 'out': 'x'})
    said = until(learner, lambda message: 'done' in message)
    assert said[0] == {'progress': 0.5} and said[-1]['done']['out'] == 'x' and not learner.busy
    learner.learn({'round': 2, 'out': 'x'})
    assert until(learner, lambda message: 'error' in message)[-1]['error'].startswith('the learner ended with code 7')
    learner.learn({'round': 3, 'out': 'y'})
    until(learner, lambda message: 'done' in message)
    learner.stop()
    assert learner.said() == [] and not learner.busy


OWNS_A_LEARNER = """
import sys, time
from liquid_control.learning.loop.supervision import LearnerProcess
program = "import os, sys; open('{pid}', 'w').write(str(os.getpid())); sys.stdin.read()"
LearnerProcess((sys.executable, '-c', program)).start()
time.sleep(60.0)
"""


def test_the_learner_dies_with_a_trainer_that_is_killed(tmp_path):
    trainer = subprocess.Popen([sys.executable, '-c', OWNS_A_LEARNER.format(pid=str(tmp_path / 'pid'))],
                               env=os.environ | {'PYTHONPATH': str(ROOT)})
    deadline = time.monotonic() + 30.0
    while not (tmp_path / 'pid').exists() or not (tmp_path / 'pid').read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    trainer.kill()
    trainer.wait()
    learner = int((tmp_path / 'pid').read_text())
    while _alive(learner):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _alive(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


# Swapping

def test_a_policy_is_asked_for_until_the_drive_node_has_it():
    asked = []
    swap = Swap(lambda path, sha256: asked.append(sha256))
    first, second = Contender(Path('a'), 'aa', 0), Contender(Path('b'), 'bb', 1)
    swap.want(first, 0.0)
    swap.tick(1.0, insist=True)
    swap.tick(6.0, insist=True)
    assert asked == ['aa', 'aa'] and not swap.loaded
    swap.hear('aa')
    swap.tick(20.0, insist=True)
    assert swap.loaded and len(asked) == 2
    swap.hear('something else')
    swap.tick(30.0, insist=False)
    assert not swap.loaded and len(asked) == 2
    swap.tick(31.0, insist=True)
    swap.want(second, 32.0)
    swap.refused('aa', 'old news')
    assert asked == ['aa', 'aa', 'aa', 'bb'] and not swap.refusal
    swap.refused('bb', 'no')
    assert swap.refusal == 'no'


@pytest.fixture
def file_limit():
    """Return a context in which no file grows beyond a size: writing beyond it fails, as on a full disk."""
    from contextlib import contextmanager

    @contextmanager
    def limited(size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
    return limited
