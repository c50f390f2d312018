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

"""Segment bootstrap: segments respect gaps, intervals have known answers."""
import numpy as np
import pytest

from liquid_control.evaluation.segments import difference_interval, mean_interval, segments_of


def test_segments_are_seconds_long_and_end_at_gaps():
    stamps = 1.7e9 + np.concatenate((0.5 * np.arange(5), 30.0 + 0.5 * np.arange(3)))
    assert segments_of(stamps, 1.0).tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert segments_of(stamps, 100.0).tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert segments_of(stamps[:1]).tolist() == [0]


def test_a_pause_shorter_than_the_largest_gap_leaves_no_empty_segment():
    assert segments_of(np.array([0.0, 0.1, 0.95, 1.0]), 0.2, max_gap_s=1.0).tolist() == [0, 0, 1, 2]


def test_an_error_that_never_varies_has_no_interval():
    result = mean_interval(np.full((3, 12), 0.25), np.repeat(np.arange(4), 3))
    assert (result.mean, result.low, result.high) == pytest.approx((0.25, 0.25, 0.25))


def test_the_interval_of_independent_segments_is_that_of_their_mean():
    rng = np.random.default_rng(0)
    segments = np.repeat(np.arange(400), 5)
    levels = rng.normal(1.0, 0.2, 400)
    result = mean_interval(np.repeat(levels, 5)[None], segments)
    assert result.mean == pytest.approx(levels.mean())
    half = 1.96 * levels.std() / 20.0
    assert result.high - result.mean == pytest.approx(half, rel=0.1)
    assert result.mean - result.low == pytest.approx(half, rel=0.1)


def test_pictures_count_equally_in_segments_of_different_length():
    errors, segments = np.array([[1.0, 0.0, 0.0, 0.0]]), np.array([0, 1, 1, 1])
    assert mean_interval(errors, segments).mean == pytest.approx(0.25)


def test_seeds_that_differ_widen_the_interval():
    segments = np.repeat(np.arange(50), 4)
    errors = np.random.default_rng(1).uniform(0.0, 1.0, (1, 200)).repeat(3, 0)
    apart = errors + np.array([[-0.3], [0.0], [0.3]])
    alike, wide = mean_interval(errors, segments), mean_interval(apart, segments)
    assert wide.mean == pytest.approx(alike.mean)
    assert wide.high - wide.low > 2.0 * (alike.high - alike.low)


def test_a_paired_difference_sees_through_hard_stretches():
    rng = np.random.default_rng(2)
    hard = np.repeat(rng.uniform(0.0, 1.0, 40), 10)[None]
    segments = np.repeat(np.arange(40), 10)
    result = difference_interval(hard + 0.05, hard, segments)
    assert (result.mean, result.low, result.high) == pytest.approx((0.05, 0.05, 0.05))
    assert mean_interval(hard, segments).high - mean_interval(hard, segments).low > 0.1
    back = difference_interval(hard, hard + 0.05, segments)
    assert back.mean == pytest.approx(-0.05)
