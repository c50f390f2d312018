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

"""What a track looks like: colours, markings and light."""

from dataclasses import dataclass, replace

import numpy as np

from liquid_control.errors import InputError

CENTRE_LINES = ('dashed', 'solid', 'none')
Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Appearance:
    """Colours are display values in 0..1 as a camera sees them at ``light`` = 1, widths are metres.

    The edge lines lie on the road, their outer side on the road's edge. Dashes start at arc length 0
    and are stretched by less than half a period so that a whole number of them closes the loop.
    """

    road_rgb: Rgb = (0.28, 0.28, 0.30)
    ground_rgb: Rgb = (0.30, 0.42, 0.22)
    edge_rgb: Rgb = (0.92, 0.92, 0.90)
    centre_rgb: Rgb = (0.90, 0.75, 0.15)
    sky_rgb: Rgb = (0.65, 0.75, 0.85)
    edge_line_m: float = 0.05
    centre_line_m: float = 0.05
    centre_line: str = 'dashed'
    dash_m: float = 0.4
    gap_m: float = 0.4
    light: float = 1.0

    def __post_init__(self) -> None:
        if self.centre_line not in CENTRE_LINES:
            raise InputError(
                f"centre line '{self.centre_line}' is not one of {', '.join(CENTRE_LINES)}; give one of these"
            )

    def with_centre_line(self, centre_line: str | None) -> 'Appearance':
        """Return the same look with another centre line, or unchanged for None."""
        return self if centre_line is None else replace(self, centre_line=centre_line)


def random_appearance(rng: np.random.Generator) -> Appearance:
    """Draw a look in which the edge lines differ from the road by at least 0.25 in brightness."""
    road = _greyish(rng, 0.10, 0.65)
    ground = _colour(rng, 0.08, 0.70)
    while np.abs(ground - road).max() < 0.06:
        ground = _colour(rng, 0.08, 0.70)
    return Appearance(
        road_rgb=tuple(road),
        ground_rgb=tuple(ground),
        edge_rgb=tuple(_contrasting(rng, road)),
        centre_rgb=tuple(_contrasting(rng, road)),
        sky_rgb=tuple(_colour(rng, 0.4, 0.95)),
        edge_line_m=rng.uniform(0.04, 0.07),
        centre_line_m=rng.uniform(0.04, 0.07),
        centre_line=str(rng.choice(CENTRE_LINES, p=(0.5, 0.2, 0.3))),
        dash_m=rng.uniform(0.25, 0.6),
        gap_m=rng.uniform(0.25, 0.6),
        light=rng.uniform(0.7, 1.2),
    )


def _colour(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    return rng.uniform(low, high, 3)


def _greyish(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    return np.clip(rng.uniform(low, high) + rng.uniform(-0.05, 0.05, 3), 0.0, 1.0)


def _contrasting(rng: np.random.Generator, road: np.ndarray) -> np.ndarray:
    colour = rng.uniform(0.0, 1.0, 3)
    while abs(colour.mean() - road.mean()) < 0.25:
        colour = rng.uniform(0.0, 1.0, 3)
    return colour
