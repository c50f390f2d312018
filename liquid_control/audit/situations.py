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

"""Curve or straight, light or dark: the one rule by which the page and the report group the ticks of a drive."""
import numpy as np

CURVE, STRAIGHT = 1.0 / 3.0, 1.0 / 6.0
"""A curve steers above this share of the strong steering of the drive, a straight below that one."""
STRONG_PERCENTILE = 98.0
LEAST_STRONG = 0.1
"""Share of the steering limit that the strong steering must have for curves to be told from straights."""
LEAST_LIGHT_CHANGE = 0.04
FEWEST_TICKS = 15


def by_steering(steering_rad: np.ndarray, limit_rad: float) -> dict[str, np.ndarray]:
    """Return which ticks (T,) are in a left curve, on a straight, in a right curve, in any curve.

    The strong steering of a drive is the 98th percentile of its absolute values. A curve steers above a third of that,
    a straight below a sixth. No tick is in any group where the strong steering is below a tenth of the limit.
    """
    strong = float(np.percentile(np.abs(steering_rad), STRONG_PERCENTILE)) if len(steering_rad) else 0.0
    told = strong >= LEAST_STRONG * limit_rad
    left, right = (told & (sign * steering_rad > CURVE * strong) for sign in (1.0, -1.0))
    return {'left curve': left, 'straight': told & (np.abs(steering_rad) < STRAIGHT * strong), 'right curve': right,
            'curve': left | right}


def by_light(brightness: np.ndarray) -> dict[str, np.ndarray]:
    """Return which ticks (T,) are light and which dark, by the mean of the picture (0..1).

    The bound is the middle between the 5th and the 95th percentile. No tick is in any group where these are less than
    0.04 apart.
    """
    low, high = np.percentile(brightness, (5.0, 95.0)) if len(brightness) else (0.0, 0.0)
    told, light = high - low >= LEAST_LIGHT_CHANGE, brightness > 0.5 * (low + high)
    return {'light': told & light, 'dark': told & ~light}


def median_by_group(values: np.ndarray, groups: dict[str, np.ndarray]) -> dict[str, np.ndarray | None]:
    """Return the median of values (T, U) over the ticks of each group, (U,); None for fewer than 15 ticks."""
    return {name: np.median(values[ticks], axis=0) if ticks.sum() >= FEWEST_TICKS else None
            for name, ticks in groups.items()}
