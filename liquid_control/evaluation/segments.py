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

"""Intervals of errors on a recorded drive, where neighbouring pictures are not independent: whole segments are drawn.

Errors of a tenth of a second apart are almost the same, so an interval from single pictures is far too narrow. The
bootstrap (Künsch, Ann. Stat. 17, 1989, with segments that do not overlap) draws segments of seconds instead, and the
seeds of the trained policies with them.
"""

from dataclasses import dataclass

import numpy as np

from liquid_control.recording.recorded_drive import split_sequences

SEGMENT_S = 2.0
DRAWS = 4000
TAILS = (2.5, 97.5)


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def segments_of(stamps: np.ndarray, seconds: float = SEGMENT_S, max_gap_s: float = 1.0) -> np.ndarray:
    """Return the number of the segment of each picture, int64 [N], from 0 on.

    A segment is ``seconds`` long; none reaches over a gap above ``max_gap_s``, so the last before a gap is shorter.

    :param stamps: [N] in seconds, going up.
    """
    numbers = np.empty(len(stamps), np.int64)
    first = 0
    for part in split_sequences(stamps, max_gap_s):
        inside = ((stamps[part] - stamps[part.start]) / seconds + 1e-6).astype(np.int64)
        _, inside = np.unique(inside, return_inverse=True)
        numbers[part] = first + inside
        first += int(inside[-1]) + 1
    return numbers


def mean_interval(errors: np.ndarray, segments: np.ndarray, seed: int = 0) -> Interval:
    """Return the mean error and its interval over segments and seeds.

    :param errors: of each trained policy (seed) on each picture, [S, N].
    :param segments: as ``segments_of`` gives, [N].
    """
    return _interval(*_sums(errors, segments), None, seed)


def difference_interval(errors: np.ndarray, others: np.ndarray, segments: np.ndarray, seed: int = 0) -> Interval:
    """Return the mean of ``errors`` [S, N] less that of ``others`` [R, N], on the same pictures, and its interval.

    Paired: each draw takes the same segments for both, so what makes a stretch hard for both does not count. Seeds are
    drawn for each by itself.
    """
    sums, sizes = _sums(errors, segments)
    return _interval(sums, sizes, _sums(others, segments)[0], seed)


def _sums(errors: np.ndarray, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of each seed's errors in each segment [S, K] and the number of pictures in each [K]."""
    sizes = np.bincount(segments).astype(np.float64)
    return np.stack([np.bincount(segments, weights=row) for row in np.asarray(errors, np.float64)]), sizes


def _interval(sums: np.ndarray, sizes: np.ndarray, others: np.ndarray | None, seed: int) -> Interval:
    rng = np.random.default_rng((seed, 0x5E6))
    count = len(sizes)
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), DRAWS).astype(np.float64)
    total = drawn @ sizes
    means = (_seeds(sums, rng) * drawn).sum(1) / total
    mean = sums.mean(0).sum() / sizes.sum()
    if others is not None:
        means = means - (_seeds(others, rng) * drawn).sum(1) / total
        mean -= others.mean(0).sum() / sizes.sum()
    low, high = np.percentile(means, TAILS)
    return Interval(float(mean), float(low), float(high))


def _seeds(sums: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the mean over seeds drawn with replacement, one row a draw, [DRAWS, K]."""
    count = len(sums)
    return rng.multinomial(count, np.full(count, 1.0 / count), DRAWS) / count @ sums
