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
import math
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.learning.loop.champion import first_champion
from liquid_control.learning.loop.journal import Journal
from liquid_control.learning.loop.loop import ClosedLoop
from liquid_control.learning.loop.plan import Plan, load_roads
from liquid_control.learning.loop.recorder import Recorder
from liquid_control.learning.loop.road import Follower, Odometry
from liquid_control.learning.loop.states import State
from liquid_control.learning.loop.supervision import LearnerProcess
from liquid_control.learning.loop.swap import Swap
from liquid_control.learning.loop.teachers import TAKEOVER_NS, ExpertTeacher, HumanTeacher, Role
from liquid_control.learning.loop.tour import Tour
from liquid_control.learning.loop.with_expert import WithExpert
from liquid_control.learning.loop.with_human import WithHuman
from liquid_control.learning.loop.with_recordings import WithRecordings
from liquid_control.learning.loop.work_folder import open_folder
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import save_policy, sha256_of
from liquid_control.recording.sample_bag import read_new
from liquid_control.simulation.car import default_car

PERIOD_NS = 33_333_333
LEARNING_STEPS = 30  # that the car drives while a policy is learned, however long the learner's process takes
TRACKS, TRIALS = ('random:3', 'random:4'), ('random:5', 'random:8')
ROADS = load_roads((*TRACKS, *TRIALS), 0.8)
COPIES = """
import json, shutil, sys
for line in sys.stdin:
    request = json.loads(line)['learn']
    try:
        shutil.copy(f"{sys.argv[1]}/{request['round']}", request['out'])
        print(json.dumps({'done': request | {'samples': 1, 'held_out_mae': 0.1}}), flush=True)
    except OSError as error:
        print(json.dumps({'error': str(error)}), flush=True)
"""
DRIVING = {'good': lambda right: right, 'lazy': lambda right: Command(0.0, 2.0), 'slow': lambda right: Command(0, 0)}


class Stage:
    """A car without slip, a simulator that moves it, and a drive node whose policies answer by the true pose.

    The learner is a process that hands out files that were made before, one a round.
    """

    def __init__(self, path, teacher='expert', skills=(), given=None, **plan):
        self.asked, self.said, self.now_s, self.stamp_ns = [], [], 0.0, 10 ** 10
        self._skill = {}
        shop = path / 'shop'
        shop.mkdir(exist_ok=True)
        for number, skill in enumerate(skills, start=1):
            self._make(shop / str(number), number, skill)
        if given:
            self._make(path / 'given', 99, given)
        defaults = {'first_collect_s': 2.0, 'collect_s': 1.0, 'human_s': 0.5, 'trial_s': 3.0, 'visit_s': 1.5,
                    'tracks': TRACKS, 'trial_tracks': TRIALS, 'road_width_m': 0.8, 'push_rad': 0.02}
        self.plan = Plan(teacher=teacher, **defaults | plan)
        self.folder, self._lock = open_folder(str(path / 'work'))
        journal = Journal(self.folder.journal)
        self._policy = self._loading = None
        self.track, self._given_ns, self._given = ROADS['random:5'], -TAKEOVER_NS, None
        self.x, self.y, self.yaw = self.track.pose(0.0)
        self.human = None
        self.loop = ClosedLoop(
            self.plan, self.folder, journal, Recorder(self.folder.bags),
            LearnerProcess((sys.executable, '-c', COPIES, str(shop))), Swap(self._load), self._way(teacher),
            first_champion(self.folder, journal, self.plan, str(path / 'given') if given else ''), self.said.append,
            lambda: None)

    def close(self):
        self.loop.close(self.now_s)
        self._lock.close()

    def kill(self):
        """End as SIGKILL would: nothing is finished."""
        self.loop._learner.stop()
        self._lock.close()

    def _make(self, path, seed, skill):
        save_policy(new_policy('ltc', 'small', seed), path)
        self._skill[sha256_of(path)] = DRIVING[skill]

    def _way(self, teacher):
        rng = np.random.default_rng(0)
        if teacher == 'human':
            self.human = HumanTeacher(default_car())
            return WithHuman(self.plan, self.human)
        expert = ExpertTeacher(self.plan, default_car(), rng)
        self.tour = Tour(ROADS, expert, self._go_to, self.said.append)
        with_expert = WithExpert(self.plan, expert, self.tour, rng)
        return WithRecordings(with_expert) if teacher == 'bag' else with_expert

    def _load(self, path, sha256):
        self.asked.append(path.name)
        self._policy = sha256

    def _go_to(self, spec):
        self.track = ROADS[spec]
        self.x, self.y, self.yaw = self.track.pose(0.0)
        self.tour.placed(spec)
        self._follower = None
        return True

    _follower = None
    _learning = 0

    def step(self, seen=True, human=None):
        """Let a thirtieth of a second pass."""
        self.now_s += 1e-9 * PERIOD_NS
        self.stamp_ns += PERIOD_NS
        loop = self.loop
        self._follower = self._follower or Follower(self.track)
        odometry = Odometry(self.stamp_ns, self.x, self.y, self.yaw, 2.0)
        place = self._follower.see(odometry)
        if seen:
            loop.pairing.feel(self.stamp_ns, np.zeros(6, np.float32))
            loop.see_picture(self.stamp_ns, PICTURE, self.now_s)
        command = loop.see_odometry(odometry, self.now_s) if self.human is None else None
        if human and place.room < 0.1 or human and self._given_ns == self.stamp_ns - PERIOD_NS and not place.settled:
            command = self._right(odometry, place)
            self.human.hear(self.stamp_ns, command)
        if command is not None:
            self._given_ns, self._given = self.stamp_ns, command
        right = self._right(odometry, place)
        helped = self.stamp_ns - self._given_ns <= TAKEOVER_NS
        own = self._skill.get(self._policy, DRIVING['slow'])(right)
        loop.pairing.answered(self.stamp_ns, own)
        self._drive(self._given if helped else own)
        loop.hear_drive({'state': 'takeover' if helped else 'driving', 'policy_sha256': self._policy or ''})
        loop.tick(self.now_s)
        self._learning = self._learning + 1 if loop.state is State.LEARN else 0
        while self._learning > LEARNING_STEPS and loop.state is State.LEARN:
            time.sleep(0.002)
            loop.tick(self.now_s)
        return command

    def _right(self, odometry, place):
        teacher = ExpertTeacher(self.plan, default_car(), np.random.default_rng(0))
        teacher.enter(self.track)
        teacher.act(Role.WATCH)
        teacher.see(odometry)
        return teacher.label(odometry.stamp_ns)

    def _drive(self, command):
        self.loop.pairing.driven(self.stamp_ns, command)
        step = 1e-9 * PERIOD_NS * command.speed_mps
        self.yaw += step * math.tan(command.steering_rad) / default_car().wheelbase_m
        self.x += step * math.cos(self.yaw)
        self.y += step * math.sin(self.yaw)

    def until(self, *states, human=False):
        """Drive until the loop is in one of the states; return how long that took."""
        begin = self.now_s
        while self.loop.state not in states:
            assert self.now_s < begin + 300.0, (self.loop.state, self.said)
            self.step(human=human)
        return self.now_s - begin

    def samples(self):
        return [sample for bag in sorted(self.folder.bags.iterdir()) for sample in read_new(bag, 0)]

    def judged(self):
        return [(line['round'], round(line['score'], 2), line['kept']) for line in Journal(
            self.folder.journal).all('judged')]


PICTURE = SimpleNamespace(encoding='rgb8', height=16, width=16, step=48, data=bytes(range(256)) * 3)


def test_from_an_empty_folder_to_a_policy_that_needs_no_help(tmp_path):
    stage = Stage(tmp_path, skills=('lazy', 'good', 'lazy', 'good', 'good'))
    stage.loop.start(0.0)
    stage.until(State.DONE)
    assert [kept for _, _, kept in stage.judged()] == [True, True, False, True, True]
    scores = [score for _, score, _ in stage.judged()]
    assert scores[1] == scores[3] == scores[4] == 1.0 and scores[0] < 0.7 and scores[2] < 0.5
    assert '2 rounds in a row' in stage.loop.reason
    assert sha256_of(stage.folder.best) == stage.loop.standing.sha256 == stage._policy
    assert stage.asked.count('round_002.safetensors') == 2  # and again after the third was worse
    samples, report = stage.samples(), json.loads(stage.folder.report.read_text())
    assert [sample.number for sample in samples] == list(range(1, len(samples) + 1))
    assert report['samples'] == len(samples) and len(report['rounds']) == 5 and report['best']['round'] == 5
    first = [sample for sample in samples if sample.round == 1 and sample.state == 'collect']
    assert len(first) >= 60 and {sample.driver for sample in first[1:]} == {'expert'}
    assert not any(sample.intervention for sample in first) and report['interventions'] > 0
    assert all(sample.teacher is None and sample.driver == 'policy' for sample in samples[-10:])  # a trial
    assert all(sample.teacher for sample in samples if sample.state != 'try')
    assert report['intervention_samples'] == sum(sample.intervention for sample in samples)
    stage.close()


def test_every_figure_can_be_counted_again_from_the_bags(tmp_path, capsys):
    stage = Stage(tmp_path, skills=('lazy', 'good', 'good'))
    stage.loop.start(0.0)
    stage.until(State.DONE)
    stage.close()
    text = (Path(__file__).parents[1] / 'docs' / 'recording.md').read_text()
    script = text.split('## Every figure from the files')[1].split('```python')[1].split('```')[0]
    exec(script.replace('runs/loop/bags', str(stage.folder.bags)), {})
    report, said = json.loads(stage.folder.report.read_text()), capsys.readouterr().out.splitlines()
    assert said[0] == f"samples {report['samples']} of them interventions {report['intervention_samples']}"
    assert said[1] == f"takeovers {report['interventions']}" and report['interventions'] > 0
    assert float(said[2].split()[-1]) == pytest.approx(report['driven_s'], abs=0.002)
    scores = {row['round']: row['score'] for row in report['rounds']}
    assert said[3] == f'rounds {len(scores)} scores {scores}' and len(scores) == 3


def test_killed_at_any_moment_it_goes_on_with_the_best_policy_and_the_next_numbers(tmp_path):
    stage = Stage(tmp_path, skills=('good', 'lazy', 'good'), target_rounds=9, rounds=3)
    stage.loop.start(0.0)
    stage.until(State.TRY)
    stage.until(State.COLLECT)
    stage.until(State.TRY)
    for _ in range(20):
        stage.step()
    before, best = len(stage.samples()), sha256_of(stage.folder.best)
    stage.kill()
    stage = Stage(tmp_path, skills=('good', 'lazy', 'good'), target_rounds=9, rounds=3)
    assert stage.loop.round == 2 and stage.loop.standing.sha256 == best and stage.loop.standing.score == 1.0
    assert stage.loop.recorder.found and stage.loop.recorder.samples == before
    stage.loop.start(0.0)
    stage.until(State.DONE)
    assert [number for number, _, _ in stage.judged()] == [1, 2, 3] and 'all 3 rounds' in stage.loop.reason
    numbers = [sample.number for sample in stage.samples()]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > before
    stage.close()


def test_paused_it_neither_commands_nor_records_and_the_best_policy_is_back(tmp_path):
    stage = Stage(tmp_path, skills=('good', 'lazy', 'good', 'good'))
    stage.loop.start(0.0)
    stage.until(State.TRY)
    stage.until(State.COLLECT)
    stage.until(State.TRY)
    stage.loop.pause(stage.now_s)
    samples = len(stage.samples())
    assert stage._policy == sha256_of(stage.folder.best)
    assert all(stage.step() is None for _ in range(90)) and len(stage.samples()) == samples
    with pytest.raises(InputError, match="'pause' means nothing in state 'paused'"):
        stage.loop.pause(stage.now_s)
    stage.loop.start(stage.now_s)
    assert stage.loop.state is State.COLLECT and stage.loop.round == 2
    stage.until(State.DONE)
    stage.close()


def test_without_pictures_the_expert_does_not_command_and_says_what_it_waits_for(tmp_path):
    stage = Stage(tmp_path)
    stage.loop.start(0.0)
    assert any([stage.step() for _ in range(30)])
    assert not stage.loop.waiting_for(stage.now_s)
    blind = [stage.step(seen=False) for _ in range(60)]
    assert not any(blind[16:]) and stage.loop.waiting_for(stage.now_s) == 'no pictures come'
    assert any([stage.step() for _ in range(30)])
    stage.close()


def test_a_full_disk_stops_recording_and_not_driving(tmp_path):
    stage = Stage(tmp_path, skills=('good',), first_collect_s=60.0)
    stage.loop.start(0.0)
    for _ in range(60):
        stage.step()
    written = len(stage.samples())
    bag = stage.folder.bags / stage.loop.recorder.bag
    stage.loop.recorder.split()
    shutil.move(stage.folder.bags, tmp_path / 'elsewhere')
    stage.folder.bags.write_text('no folder any more')
    commands = [stage.step() for _ in range(90)]
    assert sum(command is not None for command in commands) > 40 and stage.loop.state is State.COLLECT
    assert str(bag.parent) in stage.loop.problem
    stage.folder.bags.unlink()
    shutil.move(tmp_path / 'elsewhere', stage.folder.bags)
    stage.loop.pause(stage.now_s)
    stage.loop.start(stage.now_s)
    for _ in range(60):
        stage.step()
    assert not stage.loop.problem and len(stage.samples()) > written
    stage.close()


def test_a_learner_that_fails_three_times_is_an_error_and_nobody_commands(tmp_path):
    stage = Stage(tmp_path)  # no policy is in the shop
    stage.loop.start(0.0)
    stage.until(State.ERROR)
    assert 'failed 3 times' in stage.loop.reason and 'No such file' in stage.loop.reason
    assert not any(stage.step() for _ in range(30))
    stage.close()


def test_a_half_written_candidate_is_never_loaded(tmp_path):
    stage = Stage(tmp_path, skills=('good',))
    whole = (tmp_path / 'shop' / '1').read_bytes()
    (tmp_path / 'shop' / '1').write_bytes(whole[:len(whole) // 2])
    stage.loop.start(0.0)
    stage.until(State.ERROR)
    assert 'not a readable safetensors file' in stage.loop.reason
    assert set(stage.asked) == {'round_000.safetensors'}
    stage.close()


def test_a_human_teaches_a_bad_policy(tmp_path):
    stage = Stage(tmp_path, 'human', ('lazy', 'good'), given='lazy', trial_s=2.0, target_rounds=1)
    stage.loop.start(0.0)
    stage.until(State.DONE, human=True)
    samples = stage.samples()
    assert stage.loop.standing.round == 2 and all(sample.driver == 'policy' for sample in samples[-45:])
    assert {sample.driver for sample in samples} == {'policy', 'human'}
    assert all(sample.intervention == (sample.driver == 'human') for sample in samples)
    assert 20 < sum(sample.teacher is not None for sample in samples) < len(samples)
    assert not any(sample.teacher for sample in samples if sample.driver == 'policy' and not sample.intervention
                   and sample.number > samples[-1].number - 30)
    assert json.loads(stage.folder.report.read_text())['interventions'] >= 1
    stage.close()


@pytest.mark.parametrize('car', [False, True])
def test_recordings_alone_are_judged_by_their_error_or_by_driving(tmp_path, car):
    stage = Stage(tmp_path, 'bag', ('good',), rounds=1, recordings=('somewhere',))
    stage.loop.start(0.0)
    deadline = time.monotonic() + 30.0
    while stage.loop.state is not State.DONE:
        assert time.monotonic() < deadline, stage.said
        if car:
            stage.step()
        else:
            stage.now_s += 0.05
            stage.loop.tick(stage.now_s)
            time.sleep(0.002)
    line = Journal(stage.folder.journal).last('judged')
    assert line['learned']['recordings'] == ['somewhere'] and line['kept']
    assert line['score'] == (1.0 if car else 0.9) and ('tracks' in line['summary']) is car
    assert not any(stage.folder.bags.iterdir())
    stage.close()


def test_a_given_policy_is_tried_too_before_a_candidate_takes_its_place(tmp_path):
    stage = Stage(tmp_path, skills=('lazy',), given='good', rounds=1)
    stage.loop.start(0.0)
    stage.until(State.DONE)
    line = Journal(stage.folder.journal).last('judged')
    assert not line['kept'] and line['best_score'] == 1.0 and 'standing policy: 2 of 2' in line['summary']
    assert stage.loop.standing.path == tmp_path / 'given' and not stage.folder.best.exists()
    stage.close()
