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

"""``bench spiking``: spikes and operations of a decision, beside networks that do not spike."""
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from liquid_control.errors import InputError
from liquid_control.evaluation.closed_loop import unseen_tracks
from liquid_control.evaluation.job import make_world
from liquid_control.evaluation.conditions import parse_condition
from liquid_control.evaluation.episode import run_episode
from liquid_control.evaluation.segments import mean_interval
from liquid_control.evaluation.statistics import wilson_interval
from liquid_control.evaluation.study.costs import operations
from liquid_control.learning.simulated import new_policy
from liquid_control.liquid.spiking import LiquidSpikingCell
from liquid_control.policy.compiling import Decision, Runner
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.track_spec import load_track

TRACKS = 20
MULTIPLY_ADD_PJ, ADD_PJ = 4.6, 0.9
"""Energy of a 32-bit floating-point multiplication and addition, and of an addition alone, in a 45 nm process
(Horowitz 2014, ISSCC, figure 1.1.9: 3.7 pJ and 0.9 pJ). Memory, which costs more than either, is not in it."""
PEERS = {'ltc': 'LTC, 19 neurons', 'lstm': 'LSTM, 64 units'}


@dataclass(frozen=True)
class Work:
    """Operations of a decision: a spike onto a synapse is an addition, a number onto a synapse a multiply-add."""

    multiply_adds: float
    additions: float
    exponentials: float

    def row(self, name: str) -> dict:
        """Return a row of the benchmark, with the estimated energy of multiply-adds and additions in nJ."""
        energy = 1e-3 * (MULTIPLY_ADD_PJ * self.multiply_adds + ADD_PJ * self.additions)
        return {'name': name, **asdict(self), 'energy_nj': energy}


class SpikeCounter:
    """Drives as a drive node does and counts the spikes of every neuron, tick by tick."""

    def __init__(self, policy: DrivingPolicy) -> None:
        self._runner, self._network = Runner(policy), policy.network
        self.counts: list[np.ndarray] = []

    def reset(self) -> None:
        """Forget what was seen, not what was counted."""
        self._runner.reset()

    def step(self, picture: np.ndarray, imu: np.ndarray, elapsed_s: float) -> Decision:
        """Return the decision for a picture, an IMU sample and the time since the last picture."""
        decision = self._runner.step(picture, imu, elapsed_s)
        with torch.inference_mode():
            self.counts.append(self._network.spikes(torch.from_numpy(decision.neurons)).numpy())
        return decision


def bench_spiking(policies: Sequence[DrivingPolicy], tracks: int = TRACKS,
                  on_track: Callable[[], None] | None = None) -> dict:
    """Let spiking policies drive a lap of unseen tracks in MuJoCo and count; the other networks are counted on paper.

    Means and intervals are over tracks and, with several policies (of several seeds), over these (bootstrap).

    :raises InputError: for a policy of another cell.
    """
    for policy in policies:
        if policy.spec.cell != 'spiking':
            raise InputError(f"a policy has the cell '{policy.spec.cell}'; give policies of 'train --cell spiking'")
    torch.set_num_threads(1)
    drives = [[_drive(policy, spec, seed, on_track) for seed, spec in enumerate(unseen_tracks(tracks))]
              for policy in policies]
    fired = np.array([[counts.sum(1).mean() for counts, _ in laps] for laps in drives])
    each = np.array([[counts.mean(0) for counts, _ in laps] for laps in drives]).mean(1)
    completed = sum(done for laps in drives for _, done in laps)
    network, spikes = policies[0].network, mean_interval(fired, np.arange(tracks))
    rows = [spiking_work(network, spikes.mean).row('spiking'), dense_work(network).row('spiking, computed densely')]
    for cell, name in PEERS.items():
        counted = operations(new_policy(cell, 'small', 0))
        rows.append(Work(counted['multiply_adds'], 0, counted['exponentials']).row(name))
    rows.append(Work(head_multiply_adds(policies[0]), 0, policies[0].spec.visual_features).row('vision head, of each'))
    return {
        'benchmark': 'spiking', 'rows': rows, 'ratios': {
            'energy_vs_ltc': rows[0]['energy_nj'] / rows[2]['energy_nj'],
            'energy_vs_lstm': rows[0]['energy_nj'] / rows[3]['energy_nj'],
            'spikes_per_neuron_and_tick': spikes.mean / each.shape[1],
            'silent_neurons': float((each < 1e-3).mean())},
        'spikes': {**asdict(spikes), 'policies': len(policies), 'tracks': tracks, 'neurons': each.shape[1],
                   'decisions': sum(len(counts) for laps in drives for counts, _ in laps)},
        'completed': {'laps': completed, 'of': fired.size, 'ci95': list(wilson_interval(completed, fired.size))}}


def spiking_work(network: LiquidSpikingCell, spikes: float) -> Work:
    """Return the operations of one layer and its readout where a synapse works only when a spike arrives.

    The gates of the time constants listen to currents and membranes, which are numbers: they are multiply-adds.
    """
    units = network.layers[0].units
    return Work(_numbers_work(network), spikes * (units + network.output_size) + 2 * units,
                2 * units + network.output_size)


def dense_work(network: LiquidSpikingCell) -> Work:
    """Return the operations where a spike is a number like any other, as in the matrix products of a CPU."""
    units = network.layers[0].units
    return Work(_numbers_work(network) + units * (units + network.output_size), 2 * units,
                2 * units + network.output_size)


def _numbers_work(network: LiquidSpikingCell) -> int:
    """Return the multiply-adds that no spike saves: inputs, norm, two gates, two decays, threshold; and the readout."""
    units, outputs = network.layers[0].units, network.output_size
    return units * network.input_size + units + 2 * 2 * units * units + 3 * units + 2 * outputs * outputs + outputs


def head_multiply_adds(policy: DrivingPolicy) -> int:
    """Return the multiply-adds of the vision head for a picture: of its convolutions and its dense layer."""
    counted = 0

    def count(layer: torch.nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        nonlocal counted
        counted += output[0].numel() * layer.weight[0].numel()

    layers = [layer for layer in policy.head.modules() if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode():
        policy.head(torch.zeros(1, 3, policy.retina.height, policy.retina.width))
    for hook in hooks:
        hook.remove()
    return counted


def _drive(policy: DrivingPolicy, spec: str, seed: int,
           on_track: Callable[[], None] | None) -> tuple[np.ndarray, bool]:
    """Return the spikes of every tick and neuron, [T, N], and whether the lap was completed."""
    track, counter = load_track(spec), SpikeCounter(policy)
    world = make_world('mujoco', track, seed)
    try:
        drive = run_episode(counter, world, track, parse_condition('clean'), np.random.default_rng(seed))
    finally:
        world.close()
    if on_track is not None:
        on_track()
    return np.array(counter.counts), drive.completed
