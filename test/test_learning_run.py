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

"""Whole runs of learning in simulation: worker processes, repetition, checkpoints, resuming."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from liquid_control.cli import main
from liquid_control.errors import InputError
from liquid_control.learning import run as run_module
from liquid_control.learning import simulated
from liquid_control.learning.averaging import AveragedWeights
from liquid_control.learning.best_of_trials import BestOfTrials
from liquid_control.learning.checkpoint import checkpoint_path, load_checkpoint, policy_path
from liquid_control.learning.imitation import Imitation, learning_device
from liquid_control.learning.rollout_worker import Team, joined, weights_of
from liquid_control.learning.rollouts import learning_threads
from liquid_control.learning.rollouts_processes import ProcessRollouts
from liquid_control.learning.simulated import Budget, Where, learn_in_simulation, new_policy
from liquid_control.learning.trial import TrialResult
from liquid_control.policy.policy_file import load_policy

REPOSITORY = Path(__file__).resolve().parents[1]
FRAMES_A_STRETCH = 8 * 16


@pytest.fixture(autouse=True)
def small_runs(monkeypatch):
    """Eight cars a worker and two tracks a trial; one torch thread as before afterwards."""
    monkeypatch.setattr(simulated, 'CARS', 8)
    monkeypatch.setattr(simulated, 'TRIAL_SEEDS', range(990_000, 990_002))
    monkeypatch.setattr(run_module, 'STEPS_PER_TRIAL', 2)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def weights(policy) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in policy.parameters()])


def learn(frames: int, where: Where | None = None, resumed=None, seed: int = 5):
    policy = new_policy('cnn', 'small', seed)
    seen = []
    learned = learn_in_simulation(policy, seed, Budget(1000.0, frames), seen.append, where or Where(1), resumed)
    return learned, seen


def test_a_seed_repeats_exactly_and_its_checkpoint_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, 'CHECKPOINT_EVERY_S', 0.0)
    where = Where(1, checkpoint=tmp_path / 'run.checkpoint.safetensors')
    (first, seen), (again, _) = learn(3 * FRAMES_A_STRETCH, where), learn(3 * FRAMES_A_STRETCH)
    assert first.frames == 3 * FRAMES_A_STRETCH == seen[-1].frames
    assert torch.equal(weights(first.policy), weights(again.policy))
    assert [report.spent for report in seen] == sorted(report.spent for report in seen) and seen[-1].spent == 1.0
    assert seen[-1].trial_completed == first.score['rate'] and first.score['episodes'] == 2
    assert first.how == {'workers': 1, 'threads': learning_threads(1), 'device': learning_device().type}

    checkpoint = load_checkpoint(where.checkpoint)
    position = checkpoint.position
    assert (position.frames, position.stretches, position.seed) == (first.frames, 3, 5)
    longer, seen = learn(5 * FRAMES_A_STRETCH, resumed=checkpoint)
    assert [report.frames // FRAMES_A_STRETCH for report in seen] == [4, 5, 5]
    assert seen[0].seconds > position.seconds
    assert not torch.equal(weights(longer.policy), weights(first.policy))


def test_a_team_of_two_drives_different_roads_and_shares_a_trial_out():
    policy = new_policy('cnn', 'small', 1)
    team = Team(policy.spec, 1, 2, 4, 6, (990_000, 990_001, 990_002))
    rollouts = ProcessRollouts(team, kept=3)
    try:
        given = weights_of(policy)
        rollouts.ask_stretch(given, 0.0)
        rollouts.ask_trial(given)
        rollouts.ask_stretch(given, 0.0)
        one, two = rollouts.take_stretch()
        assert one.pictures.shape == two.pictures.shape == (4, 6, 3, 48, 96)
        assert one.imu.shape == (4, 6, 6) and one.steering.shape == (4, 6)
        assert not torch.equal(one.pictures, two.pictures)
        kept = one.pictures.clone()
        assert rollouts.take_trial()[0].completed.shape == (3,)
        assert not torch.equal(rollouts.take_stretch()[0].pictures, kept)
        assert torch.equal(one.pictures, kept)
    finally:
        rollouts.close()


def test_a_worker_that_dies_is_named():
    policy = new_policy('cnn', 'small', 1)
    rollouts = ProcessRollouts(Team(policy.spec, 1, 1, 2, 4), kept=2)
    try:
        os.kill(rollouts._processes[0].pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match='rollout process 0 ended with exit code -9'):
            rollouts.ask_stretch(weights_of(policy), 0.0)
            rollouts.take_stretch()
    finally:
        rollouts.close()


def test_shared_out_trials_come_back_in_the_order_of_the_tracks():
    parts = [torch.arange(5.0).numpy()[number::2] for number in range(2)]
    whole, seconds = joined([(TrialResult(part > 2.0, part, part), 1.0 + part[0]) for part in parts])
    assert seconds == 2.0
    assert whole.progress.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert whole.completed.tolist() == [False, False, False, True, True]


def test_the_best_weights_of_the_trials_are_kept():
    best = BestOfTrials((0.5, 0.75))
    assert not best.due(0.4) and best.due(0.5)
    result = {rate: TrialResult(*(torch.full((4,), value).numpy() for value in (rate, rate, 0.1)))
              for rate in (1.0, 0.5)}
    best.asked(0.5, {'w': torch.tensor(1.0)})
    best.answered(result[1.0])
    assert not best.due(0.6) and best.due(0.9)
    best.asked(0.9, {'w': torch.tensor(2.0)})
    assert best.answered(result[0.5])[0] == 0.5
    assert best.weights['w'] == 1.0 and best.score['rate'] == 1.0


def test_the_average_follows_the_weights():
    policy = new_policy('cnn', 'small', 0)
    average, start = AveragedWeights(policy), policy.gain.item()
    with torch.no_grad():
        for step in range(400):
            policy.gain.fill_(start + (0.1 if step % 2 else -0.1) + 1.0)
            average.update()
    assert average.weights()['gain'].item() == pytest.approx(start + 1.0, abs=0.02)
    assert average.weights().keys() == policy.state_dict().keys()


def test_the_optimiser_goes_on_as_if_it_had_not_stopped():
    policy = new_policy('cnn', 'small', 0)
    pictures = torch.randint(0, 256, (8, 6, 3, 48, 96), dtype=torch.uint8)
    part = simulated_part(pictures)
    imitation = Imitation(policy, 0)
    imitation.remember(part)
    for _ in range(3):
        imitation.learn(4, 0.0)
    other = new_policy('cnn', 'small', 1)
    resumed = Imitation(other, 1)
    resumed.remember(part)
    other.load_state_dict(policy.state_dict())
    resumed.restore(imitation.state())
    assert imitation.learn(4, 0.5) == resumed.learn(4, 0.5)
    assert torch.equal(weights(policy), weights(other))


def simulated_part(pictures: torch.Tensor):
    from liquid_control.learning.collector import Sequences
    cars, steps = pictures.shape[:2]
    return Sequences(pictures, torch.randn(cars, steps, 6), torch.ones(cars, steps, 1), torch.rand(cars, steps))


def test_a_killed_run_goes_on_from_the_command_line(tmp_path, capsys):
    out = tmp_path / 'mine.safetensors'
    checkpoint = checkpoint_path(out)
    assert policy_path(checkpoint) == out
    program = ('import liquid_control.learning.run as run; run.CHECKPOINT_EVERY_S = 0.0; '
               'from liquid_control.cli import main; main()')
    process = subprocess.Popen(
        [sys.executable, '-c', f"import sys; sys.argv[0] = 'train'\nif __name__ == '__main__': {program}", 'train',
         '--cell', 'cnn', '--seed', '7', '--frames', '1000000', '--out', str(out)],
        cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120.0
    while not checkpoint.is_file() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = load_checkpoint(checkpoint).position.frames
    assert reached >= 1024 and not out.exists()

    arguments = ['train', '--resume', str(checkpoint), '--frames', str(reached + 1), '--json', str(tmp_path / 'r.json')]
    assert main(arguments) == 0
    told = json.loads((tmp_path / 'r.json').read_text())
    assert (told['cell'], told['seed'], told['out']) == ('cnn', 7, str(out)) and told['frames'] > reached
    assert load_policy(out).spec.training['resumed'] is True and not checkpoint.exists()
    rows = out.with_suffix('.log.csv').read_text().splitlines()
    assert rows[0].startswith('spent,seconds,frames') and sum(row.startswith('spent') for row in rows) == 1
    assert int(rows[-1].split(',')[2]) == told['frames']


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, capsys):
    for content in b'', b'not safetensors', (REPOSITORY / 'models' / 'ncp19.safetensors').read_bytes():
        path = tmp_path / 'x.checkpoint.safetensors'
        path.write_bytes(content)
        with pytest.raises(InputError, match='x.checkpoint.safetensors'):
            load_checkpoint(path)
    assert main(['train', '--resume', str(path)]) == 2
    assert main(['train', '--resume', str(path), '--cell', 'cfc']) == 2
    assert '--cell cfc does not go with --resume' in capsys.readouterr().err


def test_tensorboard_logs_can_be_read_back(tmp_path):
    pytest.importorskip('tensorboard', reason='tensorboard is not installed')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from liquid_control.cli.train_log import Log
    with Log(tmp_path / 'log.csv', tensorboard=tmp_path / 'board') as log:
        log(run_module.Progress(0.5, 3.0, 128, 0.25))
        log(run_module.Progress(1.0, 6.0, 256, 0.125, 0.95, 0.03))
    events = EventAccumulator(str(tmp_path / 'board')).Reload()
    assert [(event.step, event.value) for event in events.Scalars('train/loss')] == [(128, 0.25), (256, 0.125)]
    assert [event.step for event in events.Scalars('train/trial_completed')] == [256]


def test_missing_tensorboard_is_one_clear_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    out = str(tmp_path / 'p.safetensors')
    assert main(['train', '--frames', '10', '--out', out, '--tensorboard', str(tmp_path / 'board')]) == 2
    assert "pip install 'liquid_control[learning]'" in capsys.readouterr().err


@pytest.mark.parametrize(('options', 'words'), [
    (['--workers', '0'], '--workers 0 is outside 1 to 1024'),
    (['--workers', '2', '--bag', 'b'], '--workers 2 is about driving in simulation'),
    (['--frames', '0'], '--frames 0 is outside 1 to 1000000000'),
    (['--seed', '-1'], '--seed -1 is outside'),
    (['--out', 'x.pt'], 'does not end in .safetensors'),
    (['--resume', 'nowhere.checkpoint.safetensors'], "'nowhere.checkpoint.safetensors' is not a file")])
def test_options_out_of_range_are_refused(options, words, capsys):
    assert main(['train', *options]) == 2
    assert words in capsys.readouterr().err
