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

"""``bench train``: frames a second of collecting and of learning, the LTC of ncps in the same run."""
import time
from collections.abc import Callable

from liquid_control.benchmarks.ncps_peer import ncps_policy
from liquid_control.learning.collector import Collector
from liquid_control.learning.imitation import Imitation
from liquid_control.learning.simulated import BATCH, CARS, STRETCH, new_policy
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import default_car

ROUNDS = 10
CELLS = ('ltc', 'cfc', 'lstm')
SEED = 0


def bench_train(rounds: int = ROUNDS, on_round: Callable[[], None] | None = None) -> dict:
    """Time collecting with 64 cars and gradient steps on 32 sequences of 16 frames, in turns.

    A gradient step is that of ``train``: vision head, network, loss and optimiser, with torch's default threads. The
    row 'ncps ltc' differs from 'ltc' only in the network.

    :param on_round: called after each round of timing.
    :raises InputError: if ncps is not installed.
    """
    policies = {cell: new_policy(cell, 'small', SEED) for cell in CELLS}
    policies['ncps ltc'] = ncps_policy(policies['ltc'])
    collector = Collector(policies['ltc'], default_car(), CARS, SEED)
    sequences = [collector.collect(STRETCH, 0.5) for _ in range(2)]
    learners = {f'learn, {name}': _learner(policy, sequences) for name, policy in policies.items()}
    spent = {'collect': 0.0} | dict.fromkeys(learners, 0.0)
    for _ in range(rounds):
        spent['collect'] += _timed(lambda: collector.collect(STRETCH, 0.5))
        for name, learner in learners.items():
            spent[name] += _timed(lambda learner=learner: learner.learn(BATCH, 0.5))
        if on_round is not None:
            on_round()
    rows = [{'name': name, 'per_s': rounds * STRETCH * (CARS if name == 'collect' else BATCH) / seconds}
            for name, seconds in spent.items()]
    per_s = {row['name']: row['per_s'] for row in rows}
    return {'benchmark': 'train', 'rows': rows, 'ratios': {
        'learn_ltc_vs_ncps': per_s['learn, ltc'] / per_s['learn, ncps ltc']}}


def _learner(policy: DrivingPolicy, sequences: list) -> Imitation:
    imitation = Imitation(policy, SEED)
    for part in sequences:
        imitation.remember(part)
    imitation.learn(BATCH, 0.5)
    return imitation


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
