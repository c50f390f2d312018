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

"""Fine-tuning from a reward: the search, what it changes, and that all candidates meet the same roads."""
import csv

import numpy as np
import pytest
import torch

from liquid_control.cli import main
from liquid_control.errors import InputError
from liquid_control.evaluation import tuning
from liquid_control.learning import evolution, reward_rollouts
from liquid_control.learning.evolution import Genome, evolve, verified
from liquid_control.learning.reward_rollouts import Rollouts
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import load_policy
from liquid_control.policy.spec import CELLS
from liquid_control.share import share_path
from liquid_control.simulation.environment import DrivingEnv
from liquid_control.simulation.reward import REWARDS, reward_of

SHIPPED = str(share_path('models/ncp19.safetensors'))


def answers(policy) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (2, 5, 3, 48, 96), generator=generator, dtype=torch.uint8)
    with torch.inference_mode():
        return policy.sequence(pictures, torch.zeros(2, 5, 6), torch.ones(2, 5, 1), policy.initial_state(2))[0]


@pytest.mark.parametrize('cell', ['ltc', 'cfc', 'spiking', 'lstm', 'lstm100k', 'gru', 'cnn'])
def test_zero_is_the_policy_as_it_was_and_other_vectors_are_not(cell):
    assert cell in CELLS
    policy = new_policy(cell, 'small', 1).eval()
    genome = Genome(policy, with_speed=True, max_speed_mps=4.0)
    zero = np.zeros(len(genome))
    assert torch.equal(answers(genome.policy(zero, {})), answers(policy))
    other = genome.policy(np.ones(len(genome)), {'seed': 1})
    assert not torch.allclose(answers(other), answers(policy), atol=1e-4)
    assert other.spec.speed_mps == other.speed > policy.spec.speed_mps == policy.speed
    assert other.spec.training['tuned'] == {'seed': 1} and 'tuned' not in policy.spec.training
    steady = Genome(policy, with_speed=False, max_speed_mps=4.0)
    assert steady.express(np.ones(len(steady))).speed_mps == policy.speed


def test_the_speed_stays_within_what_the_car_can_do():
    genome = Genome(new_policy('ltc', 'small', 1), with_speed=True, max_speed_mps=4.0)
    vector = np.zeros(len(genome))
    vector[2] = 100.0
    assert genome.express(vector).speed_mps == 4.0


def test_the_search_finds_what_is_worth_more():
    genome = Genome(new_policy('ltc', 'small', 1), with_speed=True, max_speed_mps=4.0)
    log = []

    def worth(individuals, generation):
        return np.array([-abs(individual.speed_mps - 3.0) for individual in individuals])

    best = evolve(genome, worth, 25, 8, 0, log.append)
    assert abs(genome.express(best).speed_mps - 3.0) < 0.15 < abs(log[0].speed_mps - 3.0)
    assert [row.generation for row in log] == list(range(25))
    again = evolve(genome, worth, 25, 8, 0, lambda row: None)
    assert np.array_equal(best, again)


@pytest.mark.parametrize('best_speed, share', [(2.1, 0.0), (2.4, 0.5), (3.5, 1.0)])
def test_what_was_found_has_to_prove_better_than_the_start(best_speed, share):
    genome = Genome(new_policy('ltc', 'small', 1), with_speed=True, max_speed_mps=4.0)
    found = np.eye(len(genome))[2]

    def worth(individuals, _generation):
        return np.array([-abs(individual.speed_mps - best_speed) for individual in individuals])

    assert np.array_equal(verified(genome, worth, found), share * found)


def test_candidates_meet_the_same_rides_and_generations_other_ones(monkeypatch):
    monkeypatch.setattr(reward_rollouts, 'TRACK_POOL', 3)
    monkeypatch.setattr(reward_rollouts, 'RIDE_S', 1.0)
    policy = load_policy(SHIPPED)
    genome = Genome(policy, with_speed=True, max_speed_mps=4.0)
    rollouts = Rollouts(policy, REWARDS['laptime'], ['clean', 'drop=0.5'], 3, seed=4)
    one, same, faster = (genome.express(np.eye(len(genome))[2] * speed) for speed in (0.0, 0.0, 1.0))
    first, second, third = rollouts.worth([one, same, faster], 0)
    assert first == second < third
    assert rollouts.worth([one], 0)[0] == pytest.approx(first, abs=1e-4)
    assert rollouts.worth([one], 1)[0] != pytest.approx(first, abs=1e-3)


def test_environment_and_rollouts_share_the_reward():
    env = DrivingEnv('random:5', random_start=False, reward='laptime')
    env.reset(seed=0)
    reward, before = REWARDS['laptime'], 0.0
    for _ in range(20):
        _, rewarded, terminated, _, info = env.step(np.array([0.2, 0.5], np.float32))
        gained, before = info['progress'] - before, info['progress']
        assert rewarded == pytest.approx(float(reward(gained, info['lateral'], terminated, 1.0 / 30.0)))
    env.close()


def test_an_unknown_reward_is_refused():
    with pytest.raises(InputError, match='progress, laptime, robust'):
        reward_of('speed')


def tune(out, monkeypatch, share: float) -> int:
    """Run the verb on little, as if that share of what was found had proved best."""
    monkeypatch.setattr(reward_rollouts, 'TRACK_POOL', 2)
    monkeypatch.setattr(reward_rollouts, 'RIDE_S', 0.5)
    monkeypatch.setattr('liquid_control.cli.tune.VERIFYING_RIDES', 2)
    monkeypatch.setattr(evolution, 'verified', lambda _genome, _worth, found: share * found)
    return main(['tune', SHIPPED, '--reward', 'robust', '--generations', '2', '--population', '4', '--rides', '2',
                 '--check', '0', '--out', str(out)])


def test_a_policy_that_is_no_better_is_not_written(tmp_path, monkeypatch, capsys):
    assert tune(tmp_path / 'tuned.safetensors', monkeypatch, 0.0) == 1
    assert 'no better policy' in capsys.readouterr().out
    assert not (tmp_path / 'tuned.safetensors').exists()


def test_tune_writes_a_policy_and_its_log(tmp_path, monkeypatch, capsys):
    out = tmp_path / 'tuned.safetensors'
    assert tune(out, monkeypatch, 1.0) == 0
    tuned = load_policy(out)
    assert tuned.spec.training['tuned']['reward'] == 'robust'
    assert tuned.spec.speed_mps == load_policy(SHIPPED).spec.speed_mps
    with out.with_suffix('.log.csv').open() as file:
        assert [row['generation'] for row in csv.DictReader(file)] == ['0', '1']


@pytest.mark.parametrize('options', [['--population', '1'], ['--out', 'x.pt'], ['--generations', '0']])
def test_unusable_options_are_one_line(options, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(['tune', SHIPPED, *options]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_tuned_and_start_are_compared_lap_by_lap():
    def episode(policy, track, completed, lap_s):
        return {'policy': policy, 'condition': 'clean', 'track': track, 'completed': completed, 'lap_s': lap_s,
                'mean_abs_lateral_m': 0.02}
    laps = {'a': (20.0, 22.0, None), 'b': (15.0, 17.0, 18.0)}
    start, tuned = ([episode(name, i, lap is not None, lap) for i, lap in enumerate(own)] for name, own in laps.items())
    row = tuning.compare_episodes('clean', start, tuned)
    assert (row['start_completed'], row['tuned_completed']) == (2, 3)
    assert row['lap_s_difference'] == [-5.0, -5.0, -5.0]
    assert row['start_lap_s'] == 21.0 and row['completed_difference'][0] == pytest.approx(1.0 / 3.0)
