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

"""``bench train``: frames a second of collecting and of learning, the cells of ncps in the same run."""
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from liquid_control.benchmarks.ncps_peer import NcpsNetwork, with_ncps_network
from liquid_control.learning.collector import Collector
from liquid_control.learning.freed_memory import keep_freed_memory
from liquid_control.learning.imitation import Imitation
from liquid_control.learning.rollouts import default_workers, learning_threads
from liquid_control.learning.simulated import BATCH, CARS, STRETCH, new_policy
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import default_car

ROUNDS = 10
CELL_CALLS = 5
SEED = 0


def bench_train(rounds: int = ROUNDS, on_round: Callable[[], None] | None = None) -> dict:
    """Time collecting with 64 cars and learning on 32 sequences of 16 frames, in turns, with the threads of ``train``.

    'learn, CELL' is a gradient step of ``train``: vision head, network, loss and optimiser. 'LTC' and 'CfC' are the
    cells alone, forward and backward through such sequences: the part in which the library of ncps differs. Each
    number is of the median round.

    :param on_round: called after each round of timing.
    :raises InputError: if ncps is not installed.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(learning_threads(default_workers()))
    keep_freed_memory()
    try:
        work = _work()
        spent: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(rounds):
            for name, (_, call) in work.items():
                spent[name].append(_timed(call))
            if on_round is not None:
                on_round()
    finally:
        torch.set_num_threads(threads)
    rows = [{'name': name, 'per_s': frames / median(spent[name])} for name, (frames, _) in work.items()]
    per_s = {row['name']: row['per_s'] for row in rows}
    return {'benchmark': 'train', 'rows': rows, 'ratios': {
        'ltc_vs_ncps': per_s['LTC'] / per_s['LTC, ncps'],
        'cfc_vs_ncps': per_s['CfC'] / per_s['CfC, ncps'],
        'learn_ltc_vs_ncps': per_s['learn, ltc'] / per_s['learn, ncps ltc'],
        'learn_cfc_vs_ncps': per_s['learn, cfc'] / per_s['learn, ncps cfc']}}


def _work() -> dict[str, tuple[int, Callable[[], object]]]:
    """Return what is timed: the frames and the call of each row."""
    ltc, cfc, lstm = (new_policy(cell, 'small', SEED) for cell in ('ltc', 'cfc', 'lstm'))
    collector = Collector(ltc, default_car(), CARS, SEED)
    sequences = [collector.collect(STRETCH, 0.5) for _ in range(2)]
    work: dict[str, tuple[int, Callable[[], object]]] = {}
    for name, network in (('LTC', ltc.network), ('LTC, ncps', NcpsNetwork(ltc.network)),
                          ('CfC', cfc.network), ('CfC, ncps', NcpsNetwork(cfc.network))):
        work[name] = CELL_CALLS * BATCH * STRETCH, _Gradients(network)
    for name, policy in (('ltc', ltc), ('ncps ltc', with_ncps_network(ltc)), ('cfc', cfc),
                         ('ncps cfc', with_ncps_network(cfc)), ('lstm', lstm)):
        work[f'learn, {name}'] = BATCH * STRETCH, _learner(policy, sequences)
    return work | {'collect': (CARS * STRETCH, lambda: collector.collect(STRETCH, 0.5))}


class _Gradients:
    """Forward and backward through sequences, five times."""

    def __init__(self, network: nn.Module) -> None:
        generator = torch.Generator().manual_seed(SEED)
        self._network = network
        self._features = torch.rand(BATCH, STRETCH, 32, generator=generator).mul_(2.0).sub_(1.0).requires_grad_()
        self._elapsed = 0.5 + torch.rand(BATCH, STRETCH, 1, generator=generator)
        self._state = torch.zeros(BATCH, network.state_size)
        self._once()

    def __call__(self) -> None:
        for _ in range(CELL_CALLS):
            self._once()

    def _once(self) -> Tensor:
        self._network.zero_grad()
        self._features.grad = None
        loss = self._network.run_sequence(self._features, self._state, self._elapsed)[0].square().mean()
        loss.backward()
        return loss


def _learner(policy: DrivingPolicy, sequences: list) -> Callable[[], float]:
    imitation = Imitation(policy, SEED)
    for part in sequences:
        imitation.remember(part)
    imitation.learn(BATCH, 0.5)
    return lambda: imitation.learn(BATCH, 0.5)


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
