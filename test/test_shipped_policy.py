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

"""The shipped policies drive what they have never seen, and only because they see."""

import pytest

from liquid_control.evaluation.job import Job, drive_job
from liquid_control.policy.policy_file import load_policy
from liquid_control.share import share_path

SHIPPED = str(share_path('models/ncp19.safetensors'))
SPIKING = str(share_path('models/spiking.safetensors'))


def lap(track, condition, engine='mujoco', policy=SHIPPED):
    return drive_job(Job(policy, track, 0, condition, engine, 1, None, None))


def test_it_is_what_it_says():
    policy = load_policy(SHIPPED)
    assert policy.spec.cell == 'ltc' and policy.spec.wiring['units'] == 19
    assert len(policy.spec.wiring['sensory_synapses']) + len(policy.spec.wiring['synapses']) == 252
    assert policy.spec.training['command'] == 'liquid-control train' and policy.spec.training['frames'] > 0
    assert policy.spec.score['rate'] == 1.0


@pytest.mark.parametrize(
    'track, condition',
    [
        ('random:1000003', 'clean'),
        ('random:1000004', 'noise=0.2'),
        ('random:1000005', 'delay=3'),
        ('random:1000006', 'friction=0.5'),
    ],
)
def test_it_completes_a_lap_in_mujoco(track, condition):
    assert lap(track, condition)['completed']


def test_it_keeps_to_the_middle():
    assert lap('random:1000007', 'clean')['mean_abs_lateral_m'] < 0.05


@pytest.mark.parametrize('track', ['random:1000003', 'random:1000004', 'random:1000005'])
def test_it_fails_when_every_picture_is_black(track):
    episode = lap(track, 'blackout=1')
    assert not episode['completed']
    assert episode['progress'] < 0.9


def test_the_fast_engine_agrees():
    assert lap('random:1000003', 'clean', engine='fast')['completed']


def test_the_spiking_one_is_what_it_says():
    policy = load_policy(SPIKING)
    assert policy.spec.cell == 'spiking' and policy.network.units == 32
    assert policy.spec.training['command'] == 'liquid-control train' and policy.spec.training['cell'] == 'spiking'
    assert policy.spec.score['rate'] == 1.0


def test_the_spiking_one_drives_because_it_sees():
    assert lap('random:1000003', 'clean', policy=SPIKING)['completed']
    assert not lap('random:1000003', 'blackout=1', policy=SPIKING)['completed']
