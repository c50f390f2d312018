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

"""Who drives, in order of rank, with a fake clock."""
import pytest

from liquid_control.driving.command import STAND, Command
from liquid_control.driving.limits import Limiter, Limits
from liquid_control.driving.supervisor import TAKEOVER_S, State, Supervisor

WANTED, HUMAN = Command(0.01, 1.0), Command(-0.02, 0.5)


@pytest.fixture
def supervisor():
    made = Supervisor(Limiter(Limits(2.0, 0.4, 30.0)))
    made.decide(None, '', 0.0)
    return made


def test_the_policy_drives_when_nothing_speaks_against_it(supervisor):
    verdict = supervisor.decide(WANTED, '', 0.1)
    assert (verdict.command, verdict.state, verdict.reason) == (WANTED, State.DRIVING, '')


def test_a_problem_stops_for_as_long_as_it_lasts_and_is_the_reason(supervisor):
    supervisor.decide(WANTED, '', 0.1)
    verdict = supervisor.decide(WANTED, 'camera is stale', 0.2)
    assert (verdict.command, verdict.state, verdict.reason) == (STAND, State.STOPPED, 'camera is stale')
    assert supervisor.decide(WANTED, '', 0.3).state is State.DRIVING


def test_without_a_command_of_the_policy_the_car_stands(supervisor):
    assert supervisor.decide(None, '', 0.1).command == STAND


def test_disengaged_the_car_stands_until_engaged(supervisor):
    supervisor.engage(False)
    verdict = supervisor.decide(WANTED, '', 0.1)
    assert (verdict.command, verdict.state) == (STAND, State.DISENGAGED) and '~/engage' in verdict.reason
    supervisor.engage(True)
    assert supervisor.decide(WANTED, '', 0.2).state is State.DRIVING


def test_an_error_stays_until_engaged(supervisor):
    supervisor.fail('KeyError: x\nand more')
    for now in 0.1, 9.0:
        verdict = supervisor.decide(WANTED, '', now)
        assert (verdict.command, verdict.state) == (STAND, State.ERROR)
        assert verdict.reason == 'internal error: KeyError: x and more'
    supervisor.engage(True)
    assert supervisor.decide(WANTED, '', 10.0).state is State.DRIVING


@pytest.mark.parametrize('spoil', [
    lambda s: None, lambda s: s.engage(False), lambda s: s.fail('error')])
@pytest.mark.parametrize('problem', ['', 'camera is stale'])
def test_a_human_wins_at_once_over_everything_for_as_long_as_the_command_is_fresh(supervisor, spoil, problem):
    spoil(supervisor)
    supervisor.take_over(HUMAN, 0.1)
    verdict = supervisor.decide(WANTED, problem, 0.11)
    assert (verdict.command, verdict.state) == (HUMAN, State.TAKEOVER)
    assert supervisor.decide(WANTED, problem, 0.1 + TAKEOVER_S).state is State.TAKEOVER
    assert supervisor.decide(WANTED, problem, 0.101 + TAKEOVER_S).state is not State.TAKEOVER


def test_humans_are_held_to_the_limits_too(supervisor):
    supervisor.take_over(Command(1.5, -9.0), 0.1)
    assert supervisor.decide(WANTED, '', 0.2).command == (0.4, -2.0)
    assert supervisor.limiter.clamps == 1


def test_after_a_clock_jump_no_old_human_command_holds(supervisor):
    supervisor.take_over(HUMAN, 100.0)
    supervisor.rearm()
    assert supervisor.decide(WANTED, '', 1.0).state is State.DRIVING
