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

"""What a person may tune about the closed loop."""
from dataclasses import dataclass

from liquid_control.errors import InputError
from liquid_control.simulation.track import Track
from liquid_control.simulation.track_spec import EVALUATION_SEEDS_FROM, load_track


@dataclass
class Plan:
    """The wishes; the numbers may change while the loop runs.

    :param rounds: of collecting, learning and trying; the loop is done after as many.
    :param first_collect_s, collect_s: driven seconds, of simulated time in a simulator, before learning.
    :param human_s: seconds of a human's commands before learning.
    :param learn_s: that the learner learns for.
    :param learn: 'imitation' learns from everything recorded, again and again; 'fptt' from what is new, once, online.
    :param trial_s: that a candidate drives for: on each trial track, or in all with a human.
    :param visit_s: driven seconds on a track before the next one.
    :param target_score, target_rounds: done when this many rounds in a row reach that score.
    :param speed_mps: the expert's.
    :param takeover_margin_m: the expert takes over where the car would come nearer to the road's edge.
    :param push_rad: standard deviation of what pushes the expert's steering while it collects.
    :param expert_share: share of the visits that the expert drives, pushed, although there is a policy that can.
    """

    teacher: str = 'expert'
    cell: str = 'ltc'
    head: str = 'small'
    seed: int = 0
    rounds: int = 12
    first_collect_s: float = 90.0
    collect_s: float = 60.0
    human_s: float = 10.0
    learn_s: float = 40.0
    learn: str = 'imitation'
    trial_s: float = 12.0
    visit_s: float = 12.0
    target_score: float = 1.0
    target_rounds: int = 2
    speed_mps: float = 2.1
    takeover_margin_m: float = 0.1
    push_rad: float = 0.095
    expert_share: float = 0.25
    road_width_m: float = 0.0
    tracks: tuple[str, ...] = ()
    trial_tracks: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()

    def fulfilled(self, scores: list[float], rounds: int) -> str:
        """Return why there is nothing more to do after some rounds with their scores, or an empty text."""
        newest = scores[-self.target_rounds:]
        if len(newest) == self.target_rounds and all(score >= self.target_score for score in newest):
            return f'score {self.target_score:g} reached in {self.target_rounds} rounds in a row'
        return f'all {self.rounds} rounds are over' if rounds >= self.rounds else ''


def load_roads(specs: tuple[str, ...], road_width_m: float) -> dict[str, Track]:
    """Return the tracks of some specs.

    :param road_width_m: of all of them; 0 for each track's own.
    :raises InputError: if there is none, one cannot be used, or one is for evaluation only.
    """
    if not specs:
        raise InputError("tracks is empty; give at least one, for example ['random:300000']")
    for spec in specs:
        seed = spec.removeprefix('random:')
        if spec.startswith('random:') and seed.isdecimal() and int(seed) >= EVALUATION_SEEDS_FROM:
            raise InputError(f"track '{spec}' is for evaluation and never learned on; give a seed below "
                             f'{EVALUATION_SEEDS_FROM}')
    return {spec: load_track(spec, None, road_width_m or None) for spec in specs}
