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

"""The learner: what it learns from, how that is varied, and the process that learns beside a driving car."""
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.learning.augment import MAX_DELAY_FRAMES, Light, curves, kept_frames, late, recoloured
from liquid_control.learning.imitation import WARM_UP_STEPS, Imitation
from liquid_control.learning.loop.dataset import INTERVENTION_WEIGHT, MAX_GAP_S, STEPS, Dataset, Draws
from liquid_control.learning.loop.learner_request import parse_request
from liquid_control.learning.loop.lesson import held_out_error
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import load_policy
from liquid_control.recording.sample_bag import Sample, SampleWriter, next_bag
from liquid_control.simulation.car import default_car

PERIOD_NS = 33_333_333
LIMIT = default_car().max_steering_rad
PATIENCE_S = 120.0


def picture(steering: float) -> np.ndarray:
    """Return a picture with a bright post where the car has to steer to."""
    image = np.full((36, 48, 3), 60, np.uint8)
    middle = int(24 - 18 * steering)
    image[12:, max(0, middle - 3):middle + 3] = 220
    return image


def write_samples(bags: Path, count: int, seed: int = 0, first: int = 1, start_s: float = 10.0, teacher=True,
                  gap_after: int | None = None, **changes) -> Path:
    """Write samples whose pictures tell the steering; ``teacher`` says of a number whether there is a label."""
    writer, rng, steering, stamp = SampleWriter(next_bag(bags)), np.random.default_rng(seed), 0.0, int(1e9 * start_s)
    for number in range(first, first + count):
        steering = float(np.clip(0.9 * steering + 0.3 * rng.standard_normal(), -1.0, 1.0))
        said = teacher(number) if callable(teacher) else teacher
        fields = {'driver': 'expert', 'intervention': False} | {
            key: value(number) if callable(value) else value for key, value in changes.items()}
        imu = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 9.81], np.float32)
        label = Command(LIMIT * steering, 1.4) if said else None
        writer.write(Sample(stamp, picture(steering), fields.pop('imu', imu), label, None, label, number=number,
                            round=1, state='collect', **fields))
        stamp += PERIOD_NS if number - first != gap_after else int(2e9)
    writer.close()
    return writer.folder


def dataset_of(bags: Path, cell: str = 'gru') -> Dataset:
    dataset = Dataset(new_policy(cell, 'small', 0))
    dataset.read(bags, [])
    return dataset


def learned_from(dataset: Dataset) -> int:
    return sum(len(stretch) for stretch in (*dataset.stretches, *dataset.held_out))


def test_stretches_end_at_gaps_and_where_time_goes_back(tmp_path):
    write_samples(tmp_path, 40, gap_after=24)
    dataset = dataset_of(tmp_path)
    assert [len(stretch) for stretch in dataset.stretches] == [25]
    assert dataset.left_out[f'fewer than {STEPS} pictures in a row'] == 15
    write_samples(tmp_path, 40, start_s=1.0)  # a simulator that was started again
    dataset.read(tmp_path, [])
    assert [len(stretch) for stretch in dataset.stretches] == [25, 40]
    for stretch in dataset.stretches:
        assert (np.diff(stretch.stamps) < MAX_GAP_S).all()


def test_only_what_a_teacher_said_is_learned(tmp_path):
    # Policy drives 1..60 unlabelled, a human takes over for 61..80, the policy drives on.
    write_samples(tmp_path, 120, teacher=lambda n: 61 <= n <= 80, intervention=lambda n: 61 <= n <= 80,
                  driver=lambda n: 'human' if 61 <= n <= 80 else 'policy')
    dataset = dataset_of(tmp_path)
    (stretch,) = dataset.stretches
    assert len(stretch) == 20 + STEPS - 1
    np.testing.assert_array_equal(stretch.weight, [0.0] * (STEPS - 1) + [INTERVENTION_WEIGHT] * 20)
    assert dataset.left_out['the teacher said nothing here or soon after'] == 120 - len(stretch)
    assert dataset.speed_mps() == pytest.approx(1.4)
    sequences = Draws(dataset.stretches, 1.0 / 30.0, 0).draw(32)
    assert (sequences.weight[:, WARM_UP_STEPS:].sum(1) > 0.0).all()
    assert (sequences.steering[sequences.weight == 0.0] == 0.0).all()


def test_samples_without_imu_are_left_out_unless_the_policy_needs_none(tmp_path):
    write_samples(tmp_path, 30, imu=None)
    dataset = dataset_of(tmp_path)
    assert not dataset.stretches and dataset.left_out['no IMU sample'] == 30
    with pytest.raises(InputError, match='nothing to learn from'):
        Draws(dataset.stretches, 1.0 / 30.0, 0)
    blind = Dataset(new_policy('gru', 'paper', 0))
    blind.read(tmp_path, [])
    assert len(blind) == 30 and not dataset.fits(new_policy('gru', 'paper', 0))


def test_what_was_read_is_not_read_again(tmp_path):
    write_samples(tmp_path, 30)
    dataset = dataset_of(tmp_path)
    dataset.read(tmp_path, [])
    assert len(dataset) == 30 and dataset.names == ['0001']
    write_samples(tmp_path, 25, first=31)
    dataset.read(tmp_path, [])
    assert learned_from(dataset) == 55 and dataset.names == ['0001', '0002']


def test_recordings_are_learned_from_too(tmp_path):
    write_samples(tmp_path / 'bags', 30)
    recording = write_samples(tmp_path / 'elsewhere', 60)
    dataset = Dataset(new_policy('gru', 'small', 0))
    for _ in range(2):
        dataset.read(tmp_path / 'bags', [str(recording.rename(tmp_path / 'drive'))] if recording.exists()
                     else [str(tmp_path / 'drive')])
    assert dataset.names == ['0001', 'drive'] and learned_from(dataset) == 90


def test_a_sixteenth_is_held_out_and_never_drawn(tmp_path):
    write_samples(tmp_path, 48 * 20)
    dataset = dataset_of(tmp_path)
    assert [len(stretch) for stretch in dataset.stretches] == [48 * 15, 48 * 4]
    (held,) = dataset.held_out
    learned = np.concatenate([stretch.stamps for stretch in dataset.stretches])
    assert len(held) == 48 and not np.isin(held.stamps, learned).any()


def test_draws_are_whole_and_repeat(tmp_path):
    write_samples(tmp_path, 90, gap_after=50)
    dataset = dataset_of(tmp_path)
    first, second = (Draws(dataset.stretches, 1.0 / 30.0, 3).draw(64) for _ in range(2))
    for name in ('pictures', 'imu', 'elapsed', 'steering', 'weight'):
        assert torch.equal(getattr(first, name), getattr(second, name))
    assert first.pictures.shape == (64, STEPS, 3, 48, 96) and first.pictures.dtype == torch.uint8
    assert (first.elapsed[:, 0] == 1.0).all() and first.elapsed.max() < MAX_GAP_S * 30.0
    assert 0.01 < (first.elapsed > 1.5).float().mean() < 0.2, 'frames are lost now and then'
    assert (first.steering > 0.0).any() and (first.steering < 0.0).any()


def test_lost_frames_and_delay_stay_inside_the_stretch():
    rng = np.random.default_rng(0)
    for _ in range(200):
        room = int(rng.integers(20, 30))
        frames = kept_frames(20, room, rng)
        assert frames[0] == 0 and frames[-1] < room and (np.diff(frames) >= 1).all()
        seen = late(frames + 3, rng)
        assert (seen >= 0).all() and (frames + 3 - seen <= MAX_DELAY_FRAMES).all() and (np.diff(seen) >= 0).all()


def test_light_varies_between_sequences_and_not_within():
    rng = np.random.default_rng(1)
    still = torch.from_numpy(np.repeat(rng.integers(0, 256, (1, 3, 12, 16), dtype=np.uint8), 4, axis=0))
    curve = curves(rng)
    assert curve.shape == (3, 256) and curve.dtype == np.uint8
    recolour = recoloured(still.numpy(), curve, rng)
    assert (recolour == recolour[:1]).all()
    plain = np.repeat(np.arange(256, dtype=np.uint8)[None], 3, axis=0)
    assert {recoloured(still.numpy(), plain, rng)[0].tobytes() for _ in range(60)} == {
        still.numpy()[0][[*order]].tobytes() for order in
        ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))}
    light = Light(rng)
    varied = torch.stack([light.vary(still) for _ in range(40)])
    assert varied.shape == (40, 4, 3, 12, 16) and varied.dtype == torch.uint8
    assert varied.float().mean(dim=(1, 2, 3, 4)).std() > 10.0
    darker = [curves(rng) for _ in range(100)]
    falling = sum(int(one[0, -1]) < int(one[0, 0]) for one in darker)
    assert 10 < falling < 60, 'some are negatives'


def test_a_weight_of_nothing_is_as_if_it_were_not_there(tmp_path):
    write_samples(tmp_path, 60)
    sequences = Draws(dataset_of(tmp_path).stretches, 1.0 / 30.0, 0).draw(8)
    sequences.weight[:, 10:] = 0.0
    losses = []
    for label in (0.0, 1.0):
        sequences.steering[:, 10:] = label
        losses.append(Imitation(new_policy('gru', 'small', 0), 0).learn_from(sequences, 0.0))
    assert losses[0] == losses[1] > 0.0


@pytest.mark.parametrize('asked, said', [
    ([], 'no request'), ({'learn': {'seconds': 1}}, "'bags'"), ({'learn': {'bags': '.', 'out': 'x'}}, "'seconds'"),
    ({'learn': {'bags': '.', 'out': 'x', 'seconds': 'soon'}}, 'soon'),
    ({'learn': {'bags': '.', 'out': 'x', 'seconds': 0}}, '0 s of learning'),
    ({'learn': {'bags': '.', 'out': 'x', 'seconds': 1, 'cell': 'brain'}}, 'brain'),
    ({'learn': {'bags': '.', 'out': 'x', 'seconds': 1, 'head': 'big'}}, 'big'),
    ({'learn': {'bags': '.', 'out': 'x', 'seconds': 1, 'seed': -1}}, 'seed -1'),
    ({'learn': {'bags': '.', 'out': 'x', 'steps': -1}}, '-1 steps')])
def test_unusable_requests_are_input_errors(asked, said):
    with pytest.raises(InputError, match=said):
        parse_request(asked)


class Process:
    """The real learner process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'liquid_control.learning.loop.learner'], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.lines: queue.Queue[dict] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def ask(self, text: str) -> tuple[dict, list[dict]]:
        """Send a line; return the answer that ends it, and what was said on the way."""
        self.process.stdin.write(text + '\n')
        self.process.stdin.flush()
        way = []
        while True:
            message = self.lines.get(timeout=PATIENCE_S)
            if 'done' in message or 'error' in message:
                return message, way
            way.append(message)

    def learn(self, **asked) -> tuple[dict, list[dict]]:
        return self.ask(json.dumps({'learn': asked}))


@pytest.fixture
def learner():
    started = Process()
    yield started
    started.process.kill()
    started.process.wait()


def test_the_process_learns_repeats_goes_on_and_ends_with_its_input(tmp_path, learner):
    bags = tmp_path / 'bags'
    write_samples(bags, 300, seed=1)
    asked = {'bags': str(bags), 'recordings': [], 'start': '', 'cell': 'gru', 'head': 'small', 'seed': 4, 'round': 1}
    out = [str(tmp_path / 'policies' / f'{name}.safetensors') for name in 'abcd']
    never = str(tmp_path / 'policies' / 'e.safetensors')
    answer, way = learner.learn(**asked, steps=4, out=out[0])
    done = answer['done']
    assert done['out'] == out[0] and done['steps'] == 4 and done['left_out'] == {} and np.isfinite(done['loss'])
    assert done['samples'] == 300 and done['sequences'] == 1
    progress = [message['progress'] for message in way]
    assert progress == sorted(progress) and all(0.0 <= share <= 1.0 for share in progress)
    policy = load_policy(out[0])
    assert policy.spec.cell == 'gru' and policy.spec.speed_mps == 1.4
    assert policy.spec.training['round'] == 1 and policy.spec.training['bags'] == ['0001']
    assert policy.spec.training['samples'] == 300 and policy.spec.training['steps'] == 4

    # A seed repeats, also when the samples were in memory already.
    learner.learn(**asked, steps=4, out=out[1])
    again = load_policy(out[1])
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in policy.state_dict().items())

    # More samples, going on from the first policy.
    write_samples(bags, 500, seed=2, first=301, start_s=100.0)
    answer, way = learner.learn(**{**asked, 'start': out[0], 'round': 2}, steps=20, out=out[2])
    done = answer['done']
    assert done['samples'] == 800 - 48 and done['held_out_mae'] > 0.0
    assert all({'progress', 'samples'} <= set(message) for message in way)
    assert [message['left_s'] for message in way if 'left_s' in message][-1] >= 0.0
    learned = load_policy(out[2])
    assert learned.spec.training['start'] == 'a.safetensors' and learned.spec.training['round'] == 2
    dataset = dataset_of(bags)
    assert held_out_error(learned, dataset.held_out) < held_out_error(policy, dataset.held_out)
    assert done['held_out_mae'] == pytest.approx(held_out_error(learned, dataset.held_out), abs=1e-5)

    # For a time instead of a number of steps.
    answer, _ = learner.learn(**asked, seconds=0.2, out=out[3])
    assert answer['done']['steps'] >= 1 and load_policy(out[3]).spec.training['seconds'] == 0.2

    # Errors are one line, and the next request is answered.
    error, _ = learner.learn(**{**asked, 'start': str(tmp_path / 'gone.safetensors')}, steps=1, out=never)
    assert 'gone.safetensors' in error['error'] and '\n' not in error['error']
    half = tmp_path / 'half.safetensors'
    half.write_bytes(Path(out[0]).read_bytes()[:1000])
    error, _ = learner.learn(**{**asked, 'start': str(half)}, steps=1, out=never)
    assert 'half.safetensors' in error['error']
    error, _ = learner.learn(**{**asked, 'bags': str(tmp_path / 'nothing')}, steps=1, out='/proc/nowhere/x.safetensors')
    assert 'cannot be written' in error['error']
    error, _ = learner.ask('hello')
    assert 'no JSON' in error['error']
    assert sorted(os.listdir(tmp_path / 'policies')) == [f'{name}.safetensors' for name in 'abcd']

    learner.process.stdin.close()
    assert learner.process.wait(timeout=PATIENCE_S) == 0


def test_the_process_ends_with_its_input_while_it_learns(tmp_path, learner):
    write_samples(tmp_path / 'bags', 60)
    learner.process.stdin.write(json.dumps({'learn': {
        'bags': str(tmp_path / 'bags'), 'seconds': 3600.0, 'out': str(tmp_path / 'x.safetensors')}}) + '\n')
    learner.process.stdin.flush()
    while 'loss' not in learner.lines.get(timeout=PATIENCE_S):
        pass
    if hasattr(os, 'SCHED_IDLE'):
        assert os.sched_getscheduler(learner.process.pid) == os.SCHED_IDLE
    learner.process.stdin.close()
    assert learner.process.wait(timeout=PATIENCE_S) == 0
    assert not (tmp_path / 'x.safetensors').exists()


@pytest.mark.skipif(not Path('/proc/self/autogroup').exists(), reason='this system does not group by session')
def test_in_a_session_of_its_own_it_lets_other_sessions_go_first():
    script = "from liquid_control.learning.loop.learner import stay_behind; stay_behind(); print('behind')"
    learner = subprocess.Popen([sys.executable, '-c', script + '; input()'], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert learner.stdout.readline() == 'behind\n'
    assert Path(f'/proc/{learner.pid}/autogroup').read_text().endswith('nice 19\n')
    learner.communicate('\n')
