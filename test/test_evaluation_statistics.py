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

"""Intervals and summaries against known and simulated figures."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquid_control.evaluation.statistics import median_and_p99, summarise, wilson_interval


@pytest.mark.parametrize(('successes', 'trials', 'low', 'high'), [
    (8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (50, 50, 0.9287, 1.0), (15, 148, 0.0624, 0.1605)])
def test_wilson_agrees_with_published_values(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=1e-4)


def test_wilson_covers_the_true_rate_about_95_times_in_100():
    rng = np.random.default_rng(0)
    intervals = [wilson_interval(k, 50) for k in rng.binomial(50, 0.8, 4000).tolist()]
    covered = [low <= 0.8 <= high for low, high in intervals]
    assert 0.93 < np.mean(covered) < 0.97


@given(st.integers(1, 500).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilson_holds_the_rate_and_mirrors(pair):
    successes, trials = pair
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    assert wilson_interval(trials - successes, trials) == pytest.approx((1.0 - high, 1.0 - low))


@pytest.mark.parametrize('pair', [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(pair):
    with pytest.raises(ValueError, match='impossible'):
        wilson_interval(*pair)


def test_median_and_p99():
    assert median_and_p99(list(range(101))) == (50.0, 99.0)


def test_summary_has_a_row_for_each_policy_and_condition():
    rows = [
        {'policy': policy, 'condition': condition, 'completed': completed, 'mean_abs_lateral_m': lateral}
        for policy, condition, completed, lateral in [
            ('a', 'clean', True, 0.01), ('a', 'clean', False, 0.03), ('a', 'shadow', True, 0.05),
            ('b', 'clean', True, 0.1)]]
    first, second, third = summarise(rows)
    assert (first['policy'], first['condition'], first['episodes'], first['completed']) == ('a', 'clean', 2, 1)
    assert first['rate'] == 0.5 and first['mean_abs_lateral_m'] == pytest.approx(0.02)
    assert first['ci95'] == pytest.approx(list(wilson_interval(1, 2)))
    assert (second['condition'], third['policy'], third['rate']) == ('shadow', 'b', 1.0)
