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

"""What the study compares: networks, conditions, seeds, tracks and sizes."""

from dataclasses import asdict, dataclass

from liquid_control.errors import InputError
from liquid_control.simulation.track_spec import EVALUATION_SEEDS_FROM

NETWORKS = {
    'ltc': 'NCP-19 LTC',
    'cfc': 'NCP-19 CfC',
    'lstm': 'LSTM-64',
    'gru': 'GRU-64',
    'cnn': 'feed-forward',
    'lstm100k': 'LSTM-144',
}
"""Cell -> name in tables. All stand behind the same vision head and hear the same 32 features."""

LIQUID = ('ltc', 'cfc')
CONDITIONS = (
    'clean',
    'noise=0.8',
    'drop=0.5',
    'drop=0.75',
    'blackout=0.05',
    'blackout=0.1',
    'delay=4',
    'delay=6',
    'brightness=0.3',
    'brightness=4',
    'shadow',
    'friction=0.3',
    'friction=0.2',
    'speed=1.5',
    'speed=1.9',
)
MUJOCO_CONDITIONS = ('clean', 'drop=0.75', 'delay=6')
DEVELOPMENT_CONDITIONS = ('clean', 'drop=0.7', 'blackout=0.08', 'delay=5', 'brightness=3', 'friction=0.2', 'speed=1.7')
DEVELOPMENT_SEED = 10_000
DEVELOPMENT_TRACKS_FROM = 990_000
DEVELOPMENT_TRACKS = 12
RATES = (1.5e-3, 5e-3)
"""Learning rates of the part behind the head, of which each network gets the one that drives better."""


@dataclass(frozen=True)
class Plan:
    """How large a study is.

    :param seeds: how often everything is drawn, learned and driven anew.
    :param tracks: unseen tracks for each seed, other ones for every seed.
    :param stretches: how often 64 cars drive 16 pictures to collect the data of a seed.
    :param steps: gradient steps on 32 sequences of 16 pictures, for each network.
    :param mujoco_tracks: how many of the tracks are driven in MuJoCo too.
    """

    seeds: int = 5
    tracks: int = 10
    stretches: int = 40
    steps: int = 300
    mujoco_tracks: int = 3

    def __post_init__(self) -> None:
        for name, low, high in (
            ('seeds', 1, 100),
            ('tracks', 1, 1000),
            ('stretches', 2, 10_000),
            ('steps', 1, 1_000_000),
            ('mujoco_tracks', 0, 1000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f'{name} {value} is outside {low} to {high}; give a number within these limits')

    def to_json(self) -> dict:
        """Return everything that decides the results."""
        return {
            **asdict(self),
            'networks': list(NETWORKS),
            'conditions': list(CONDITIONS),
            'mujoco_conditions': list(MUJOCO_CONDITIONS),
            'rates': list(RATES),
        }


def track_numbers(seed: int, tracks: int) -> list[int]:
    """Return the seeds of the tracks that the policies of a seed are tested on; none is trained on."""
    if seed == DEVELOPMENT_SEED:
        return [DEVELOPMENT_TRACKS_FROM + i for i in range(tracks)]
    return [EVALUATION_SEEDS_FROM + seed * tracks + i for i in range(tracks)]
