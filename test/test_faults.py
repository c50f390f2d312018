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

"""The list of faults: each row is injected by the suite and has a test, verdicts are strict, and a short fuzz."""
import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

from liquid_control.driving.load_runner import load_runner
from liquid_control.driving.supervisor import State
from liquid_control.errors import InputError
from liquid_control.evaluation.faults import policies
from liquid_control.evaluation.faults.fuzz import fuzz
from liquid_control.evaluation.faults.soak_report import Sample, Stop, report
from liquid_control.evaluation.faults.table import FAULTS, PERIOD_S, Fault
from liquid_control.evaluation.faults.verdict import MAX_GROWTH_MB, Outcome, judge
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.compiling import Runner

TESTS = Path(__file__).parent
SHORT_FORMS = {
    1: ('nodes_drive', 'test_a_camera_that_stops_stops_the_car'),
    2: ('driving_inputs', 'test_what_never_came_is_named_by_its_topic'),
    3: ('nodes_drive', 'test_a_frozen_camera_stops_the_car'),
    4: ('nodes_drive', 'test_an_imu_that_stops_stops_the_car'),
    5: ('driving_pilot', 'test_imu_samples_that_are_not_finite_stop_when_they_persist'),
    6: ('nodes_drive', 'test_an_unknown_encoding_stops_the_car_and_is_named'),
    7: ('nodes_drive', 'test_pictures_of_other_encodings_are_answered'),
    8: ('nodes_drive', 'test_truncated_pictures_stop_the_car'),
    9: ('driving_pilot', 'test_a_picture_of_another_size_is_answered'),
    10: ('nodes_sim_time', 'test_after_a_jump_of_the_clock_the_car_drives_on_in_the_new_time'),
    11: ('nodes_sim_time', 'test_a_clock_that_stands_still_stops_the_car'),
    12: ('driving_pilot', 'test_stamps_of_another_clock_do_not_stop_the_car_and_are_named_once'),
    13: ('nodes_drive', 'test_bad_values_at_start_leave_the_node_unconfigured_with_one_line'),
    14: ('policy_file', 'test_a_changed_file_is_refused_with_its_reason'),
    15: ('faults', 'test_no_hostile_file_is_executed'),
    16: ('nodes_drive', 'test_a_policy_that_computes_nan_stops_the_car_until_another_takes_over'),
    17: ('nodes_drive', 'test_a_new_speed_limit_holds_at_once_and_cuts_are_counted'),
    18: ('nodes_drive', 'test_a_bad_parameter_is_rejected_with_the_reason'),
    19: ('nodes_drive', 'test_of_a_flood_of_pictures_only_the_newest_are_answered'),
    20: ('nodes_drive', 'test_a_policy_that_is_too_slow_stops_the_car'),
    21: ('nodes_drive', 'test_a_callback_that_raises_stops_the_car_until_it_is_engaged'),
    22: ('nodes_drive', 'test_a_node_told_to_end_says_zero_first_and_ends_well'),
    23: ('simulation_mujoco', 'test_the_car_stops_by_itself_without_commands'),
    24: ('nodes_drive', 'test_a_human_takes_over_and_gives_back'),
    25: ('nodes_drive', 'test_a_policy_that_cannot_be_used_is_refused_and_the_old_one_drives_on'),
    26: ('loop_closed', 'test_a_full_disk_stops_recording_and_not_driving'),
    27: ('nodes_trainer', 'test_a_round_with_real_nodes_and_a_kill'),
    28: ('nodes_drive', 'test_a_second_publisher_of_commands_is_reported'),
}


def test_every_row_is_injected_by_the_suite_and_has_a_test():
    assert {fault.row for fault in FAULTS} >= set(range(1, 29)) == set(SHORT_FORMS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for file, name in SHORT_FORMS.values():
        tree = ast.parse((TESTS / f'test_{file}.py').read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_every_fault_has_its_script():
    pytest.importorskip('rclpy')
    from liquid_control.nodes.faults.suite import script_of
    for fault in FAULTS:
        assert list(inspect.signature(script_of(fault)).parameters) == ['bench', 'fault']


STOPS = Fault(1, 'a', 'b', budget_s=0.1, says='stale')
GOOD = {'zero_s': 0.1 + 2.0 * PERIOD_S, 'recovered_s': 1.0, 'said': 'camera is stale'}


def test_a_fault_that_is_survived_as_it_must_be_has_no_problem():
    assert judge(STOPS, Outcome(**GOOD)) == []
    assert judge(Fault(1, 'a', 'b'), Outcome(recovered_s=0.0)) == []
    assert judge(Fault(22, 'a', 'b', 0.0, '', False, 0), Outcome(zero_s=0.01, exit_code=0)) == []


@pytest.mark.parametrize(('fault', 'change', 'words'), [
    (STOPS, {'zero_s': 0.17}, 'zero after 0.170 s, more than 0.167 s'),
    (STOPS, {'zero_s': None}, 'no zero command came'),
    (STOPS, {'recovered_s': None}, 'did not drive on'),
    (STOPS, {'recovered_s': 9.0}, 'did not drive on'),
    (STOPS, {'said': 'all is well'}, "'stale' was not said"),
    (STOPS, {'exit_code': -11}, 'exit code -11 instead of None'),
    (STOPS, {'memory_mb': MAX_GROWTH_MB + 1.0}, 'memory grew'),
    (STOPS, {'problems': ['fire']}, 'fire'),
    (Fault(7, 'a', 'b'), {'zero_s': 1.0}, 'the car was stopped'),
])
def test_anything_less_is_a_problem(fault, change, words):
    problems = judge(fault, Outcome(**GOOD | change))
    assert len(problems) == 1 and words in problems[0]


def test_no_hostile_file_is_executed(tmp_path):
    trace = tmp_path / 'trace'
    script = tmp_path / 'script.pt'
    policies.write_hostile_torchscript(script, trace)
    renamed = tmp_path / 'script.safetensors'
    renamed.write_bytes(script.read_bytes())
    for path in [*policies.write_pickles(tmp_path, trace), script, renamed]:
        for sha256 in '', '0' * 64:
            with pytest.raises(InputError):
                load_runner(str(path), sha256, 48, 64)
    assert not trace.exists()
    import torch
    torch.jit.load(str(script))  # the control: opened by anybody else, it does its harm
    assert trace.exists()


@pytest.mark.parametrize('write', [policies.write_foreign, policies.write_misshapen])
def test_policies_that_do_not_fit_are_refused(tmp_path, write):
    write(new_policy('ltc', 'small', 0), tmp_path / 'p.safetensors')
    with pytest.raises(InputError):
        load_runner(str(tmp_path / 'p.safetensors'), '', 48, 64)


@pytest.fixture(scope='module')
def runner():
    return Runner(new_policy('ltc', 'small', 0), 48, 64)


def test_messages_of_every_field_at_random_crash_nothing_and_move_nothing_that_should_stand(runner):
    result = fuzz(runner, 4000, seed=5)
    assert result.problems == [] and result.messages >= 4000 and result.stops > 20
    assert result.states[State.DRIVING.value] > 50 and result.rejected > 500


class Wild:
    """A policy that wants anything."""

    def __init__(self, runner):
        self.runner, self.rng = runner, np.random.default_rng(0)
        self.reset = runner.reset

    def step(self, *inputs):
        decision = self.runner.step(*inputs)
        values = (np.nan, np.inf, -np.inf, 1e308, -1e308, 0.0, 5.0, -5.0)
        object.__setattr__(decision, 'steering_rad', float(self.rng.choice(values)))
        object.__setattr__(decision, 'speed_mps', float(self.rng.choice(values)))
        return decision


def test_whatever_a_policy_wants_the_command_is_within_its_limits(runner):
    result = fuzz(Wild(runner), 4000, seed=6)
    assert result.problems == [] and result.states[State.DRIVING.value] > 0


class Raising(Wild):
    """A policy that breaks."""

    def step(self, *inputs):
        raise ZeroDivisionError('asked for')


def test_the_fuzz_finds_what_goes_wrong_inside(runner):
    assert any('ZeroDivisionError' in problem for problem in fuzz(Raising(runner), 200, seed=7).problems)


def samples(growth=0.0, slower=0.0):
    return [Sample(10.0 * i, 100.0 * i, 1, 300.0 * (1.0 + growth * i / 40), 200.0, 3.0 * (1.0 + slower * i / 40), 5.0)
            for i in range(41)]


def test_a_soak_with_flat_memory_and_no_missed_stop_is_well():
    result = report(samples(), [Stop('killed', 0.3, 4.0), Stop('killed', 0.35, 4.0)])
    assert result['problems'] == [] and result['times_real_time'] == pytest.approx(10.0)
    assert result['stops']['killed'] == {'asked': 2, 'missed': 0, 'longest_s': 0.35, 'did_not_drive_on': 0}


def test_a_soak_that_something_ended_reports_what_it_found():
    result = report(samples(), [Stop('killed', 0.3, 4.0)], 'a moving car did not come')
    assert result['problems'] == ['it ended early: a moving car did not come']
    assert result['stops']['killed']['asked'] == 1


@pytest.mark.parametrize(('made', 'stops', 'words'), [
    (samples(growth=0.2), [], 'drive_mb grew from'),
    (samples(slower=2.0), [], 'latency_p50_ms grew from'),
    (samples(), [Stop('held', None, 1.0)], 'held was missed'),
    (samples(), [Stop('held', 0.6, 1.0)], 'held was missed'),
    (samples(), [Stop('held', 0.1, None)], 'did not drive on after held')])
def test_a_soak_that_is_not_well_says_why(made, stops, words):
    problems = report(made, stops)['problems']
    assert len(problems) == 1 and words in problems[0]
