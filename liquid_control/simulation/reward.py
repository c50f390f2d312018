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

"""What driving is worth: the one definition of reward, for the Gymnasium environment and for many cars at once."""
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from liquid_control.errors import InputError

Values = TypeVar('Values', float, np.ndarray)


@dataclass(frozen=True)
class Reward:
    """Metres of centre line gained, minus what time, distance from the middle and leaving the road cost.

    :param second_cost: metres that a second costs: above 0, a faster lap is worth more.
    :param offset_cost: metres that a second at a metre from the middle costs.
    :param off_road_cost: metres that leaving the road costs, once.
    """

    second_cost: float = 0.0
    offset_cost: float = 0.0
    off_road_cost: float = 10.0

    def __call__(self, gained_m: Values, lateral_m: Values, off_road: Values, seconds: float) -> Values:
        """Return the reward of a step of ``seconds``, in metres; arguments are numbers or arrays (B,).

        :param gained_m: arc length gained along the centre line.
        :param lateral_m: distance to the left of the centre line after the step.
        :param off_road: whether the step led off the road.
        """
        running = self.second_cost + self.offset_cost * abs(lateral_m)
        return gained_m - seconds * running - self.off_road_cost * off_road


REWARDS = {
    'progress': Reward(),
    'laptime': Reward(second_cost=1.0, offset_cost=0.5, off_road_cost=20.0),
    'robust': Reward(offset_cost=2.0, off_road_cost=20.0),
}
"""The rewards by name: distance driven; a fast lap; staying in the middle of the road whatever happens."""


def reward_of(name: str) -> Reward:
    """Return the reward of that name.

    :raises InputError: if there is none.
    """
    if name not in REWARDS:
        raise InputError(f"reward '{name}' is unknown; give one of {', '.join(REWARDS)}")
    return REWARDS[name]
