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

"""The parameters of the trainer node."""
from dataclasses import fields
from typing import Any

from liquid_control.learning.loop.learner_request import WAYS_TO_LEARN
from liquid_control.learning.loop.plan import Plan
from liquid_control.nodes.settings import Setting
from liquid_control.policy.heads import PICTURE_SIZES
from liquid_control.policy.spec import CELLS
from liquid_control.simulation.track import ROAD_WIDTH_LIMITS_M

TEACHERS = ('expert', 'human', 'bag')
FIRST_TRACK, TRACKS = 300_000, 48
FIRST_TRIAL_TRACK, TRIAL_TRACKS = 990_000, 6


def trainer_settings() -> tuple[Setting, ...]:
    """Return the parameters with their defaults."""
    plan = Plan()
    return (
        Setting('folder', 'runs/loop', 'Folder of the bags, policies, journal and report; the loop goes on where the '
                'folder says it ended.', fixed=True),
        Setting('teacher', plan.teacher, 'Who says what is right: expert = pure pursuit on odom and the tracks, human '
                '= who publishes cmd_vel_teleop, bag = recordings.', choices=TEACHERS, fixed=True),
        Setting('policy', '', 'Policy file to begin with in an empty folder; empty for an untrained one, in whose '
                'place the expert drives at first.', fixed=True),
        Setting('autostart', True, 'Start at once, without a call of ~/start.', fixed=True),
        Setting('cell', plan.cell, 'Network to learn.', choices=CELLS, fixed=True),
        Setting('head', plan.head, 'Vision head to learn.', choices=tuple(PICTURE_SIZES), fixed=True),
        Setting('seed', plan.seed, 'Seed of the first weights and of everything drawn.', 0, 2 ** 31 - 1, fixed=True),
        Setting('rounds', plan.rounds, 'Rounds of collecting, learning and trying; then the loop is done.', 1, 10_000),
        Setting('first_collect_s', plan.first_collect_s, 'Driven seconds before the first learning, expert.',
                1.0, 36000.0),
        Setting('collect_s', plan.collect_s, 'Driven seconds for each further learning, those during the one before '
                'included, expert.', 1.0, 36000.0),
        Setting('human_s', plan.human_s, "Seconds of a human's commands for each learning, those since the one before "
                'included, human.', 0.5, 36000.0),
        Setting('learn', plan.learn, 'imitation = from everything recorded, again and again; fptt = online, each new '
                'picture once, from the policy given: for a car that changes while it drives.', choices=WAYS_TO_LEARN,
                fixed=True),
        Setting('learn_s', plan.learn_s, 'Seconds of each learning.', 1.0, 36000.0),
        Setting('trial_s', plan.trial_s, 'Driven seconds of a trial: on each trial track, or in all with a human.',
                2.0, 3600.0),
        Setting('visit_s', plan.visit_s, 'Driven seconds on a track before the next, expert.', 2.0, 36000.0),
        Setting('target_score', plan.target_score, 'The loop is done when trials reach this score, 0 to 1, in '
                'target_rounds rounds in a row.', 0.0, 1.0),
        Setting('target_rounds', plan.target_rounds, 'See target_score.', 1, 100),
        Setting('speed_mps', plan.speed_mps, "The expert's speed in m/s.", 0.1, 10.0),
        Setting('takeover_margin_m', plan.takeover_margin_m, 'The expert takes over where base_link would come nearer '
                "to the road's edge within a quarter of a second, in m.", 0.0, 2.0),
        Setting('push_rad', plan.push_rad, 'Standard deviation of what pushes the steering while the expert drives, '
                'in rad.', 0.0, 0.3),
        Setting('expert_share', plan.expert_share, 'Share of the visits that the expert drives, pushed, when there is '
                'a policy that can.', 0.0, 1.0),
        Setting('tracks', [f'random:{FIRST_TRACK + i}' for i in range(TRACKS)], 'Tracks to visit in turn, where the '
                'simulator can change its track; else the first is the one that the car is on. expert.', fixed=True),
        Setting('trial_tracks', [f'random:{FIRST_TRIAL_TRACK + i}' for i in range(TRIAL_TRACKS)],
                'Tracks that are only tried on. expert.', fixed=True),
        Setting('road_width_m', plan.road_width_m, "Width of all roads in m if the simulator sets it; 0 for the "
                "tracks' own.", 0.0, ROAD_WIDTH_LIMITS_M[1], fixed=True),
        Setting('recordings', [''], 'Recorded drives to learn from as well, or only (teacher bag).', fixed=True),
        Setting('driver', 'drive', 'Name of the drive node, in this namespace unless it begins with /.', fixed=True),
        Setting('simulator', 'simulator', 'Name of the simulator node, in this namespace unless it begins with /.',
                fixed=True),
    )


def plan_of(values: dict[str, Any]) -> Plan:
    """Return the plan that parameter values ask for."""
    return Plan(**{field.name: _plan_value(values[field.name]) for field in fields(Plan)})


def _plan_value(value: Any) -> Any:
    return tuple(item for item in value if item) if isinstance(value, (list, tuple)) else value
