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

"""``bench board``: what a decision costs on this machine, beside networks of 100,000 neurons."""
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from liquid_control.benchmarks.energy import energy_meter
from liquid_control.evaluation.study.costs import operations
from liquid_control.learning.simulated import new_policy
from liquid_control.nodes.processes import resident_mb
from liquid_control.policy.compiling import Runner, compile_module
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.policy_file import load_policy
from liquid_control.policy.retina import Retina
from liquid_control.simulation.car import default_car

NEURONS = 100_000
SECONDS = 6.0
IDLE_S = 3.0
WARM_UP = 30
SHIPPED, WIDE, LSTM, PILOTNET = 'this policy', 'wide', 'lstm100k', 'pilotnet'
NAMES = {
    WIDE: f'same head, dense layer of {NEURONS:,} neurons',
    LSTM: 'same head, LSTM of 102,673 parameters',
    PILOTNET: 'PilotNet CNN (Bojarski et al. 2016)'}
CASES = 1 + len(NAMES)


class WideNetwork(nn.Module):
    """One hidden layer of 100,000 neurons where the liquid network has 19; the state is empty, (B, 0)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.hidden, self.output = nn.Linear(inputs, NEURONS), nn.Linear(NEURONS, 1)
        self.state_size, self.output_size = 0, 1

    def forward(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from features (B, I): output (B, 1), state (B, 0)."""
        return self.output(torch.tanh(self.hidden(features))), state


class PilotNet(nn.Module):
    """The network of Bojarski et al. 2016 (arXiv:1604.07316), figure 4: 66 x 200 picture in, steering out.

    Five convolutions and dense layers of 100, 50 and 10; every value of a feature map is a neuron.
    """

    def __init__(self) -> None:
        super().__init__()
        self.retina = Retina(66, 200, (1.0 / 3.0, 0.0, 0.0, 0.0))
        maps = (3, 24, 36, 48, 64, 64)
        sizes = ((5, 2), (5, 2), (5, 2), (3, 1), (3, 1))
        layers: list[nn.Module] = []
        for index, (kernel, stride) in enumerate(sizes):
            layers += [nn.Conv2d(maps[index], maps[index + 1], kernel, stride), nn.ReLU()]
        widths = (64 * 18, 100, 50, 10)
        layers.append(nn.Flatten())
        for inputs, outputs in zip(widths, widths[1:]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def forward(self, picture: Tensor) -> Tensor:
        """Return steering (B, 1) for pictures uint8 (B, H, W, 3)."""
        return self.layers(self.retina(picture))


@dataclass(frozen=True)
class Network:
    """Something that decides.

    :param decide: takes the picture uint8 (H, W, 3) and answers it.
    :param module: what is counted.
    :param forward: one uncompiled decision, for counting multiply-adds.
    :param hidden: neurons, and multiply-adds of a step, that no layer or matrix product shows: those of a cell.
    """

    decide: Callable[[np.ndarray], object]
    module: nn.Module
    forward: Callable[[], object]
    hidden: tuple[int, int] = (0, 0)


def bench_board(policy: str, seconds: float = SECONDS, on_round: Callable[[], None] | None = None) -> dict:
    """Measure each network in a process of its own, on one thread, as fast as it goes.

    ``cpu_us`` is processor time of a decision, ``memory_mb`` the resident memory of a process that holds Python, torch
    and that network; ``neurons`` counts every value of every feature map and layer, the liquid network's too.
    Energy is that above the idle machine's, where the machine measures any.

    :param policy: path of a policy file.
    """
    rows = []
    for name in (SHIPPED, *NAMES):
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            rows.append(pool.apply(_measure, (name, policy, seconds)))
        if on_round is not None:
            on_round()
    by_name = {row['name']: row for row in rows}
    return {'benchmark': 'board', 'rows': rows, 'cores': len(os.sched_getaffinity(0)),
            'energy': rows[0].get('energy', 'not measured: this machine does not tell'), 'ratios': {
                f'cpu_{name}': by_name[NAMES[name]]['cpu_us'] / rows[0]['cpu_us'] for name in NAMES}}


def _measure(name: str, policy: str, seconds: float) -> dict:
    torch.set_num_threads(1)
    network = _network(name, policy)
    camera = default_car().camera
    pictures = np.random.default_rng(0).integers(0, 256, (8, camera.height_px, camera.width_px, 3), dtype=np.uint8)
    for index in range(WARM_UP):
        network.decide(pictures[index % 8])
    meter = energy_meter()
    idle_w = _idle_w(meter)
    wall, cpu, count = time.perf_counter(), time.process_time(), 0
    while not count or time.perf_counter() < wall + seconds:
        network.decide(pictures[count % 8])
        count += 1
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    spent = None if meter is None else max(meter.joules() - idle_w * wall, 0.0)
    row = {'name': NAMES.get(name, SHIPPED), 'neurons': _neurons(network),
           'parameters': sum(parameter.numel() for parameter in network.module.parameters()),
           'multiply_adds': _multiply_adds(network), 'cpu_us': 1e6 * cpu / count, 'memory_mb': resident_mb(os.getpid())}
    return row if spent is None else row | {'mj': 1e3 * spent / count, 'energy': meter.name}


def _idle_w(meter) -> float:
    if meter is None:
        return 0.0
    meter.joules()
    start = time.perf_counter()
    time.sleep(IDLE_S)
    return meter.joules() / (time.perf_counter() - start)


def _network(name: str, path: str) -> Network:
    if name == PILOTNET:
        return _pilotnet()
    if name == SHIPPED:
        return _behind_head(load_policy(path))
    policy = new_policy('lstm100k' if name == LSTM else 'cnn', 'small', 0)
    if name == WIDE:
        policy.network = WideNetwork(policy.spec.inputs)
    return _behind_head(policy)


def _behind_head(policy: DrivingPolicy) -> Network:
    camera = default_car().camera
    runner = Runner(policy, camera.height_px, camera.width_px)
    imu, period_s = np.array([0.0, 0.0, 0.1, 0.2, 0.5, 9.81], np.float32), policy.spec.period_s
    picture = torch.zeros(1, camera.height_px, camera.width_px, 3, dtype=torch.uint8)
    liquid = policy.spec.wiring is not None

    def forward() -> None:
        features = policy.features(picture, torch.from_numpy(imu[None]))
        if not liquid:
            policy.network(features, policy.initial_state(), torch.ones(1, 1))
    if liquid:
        hidden = policy.spec.wiring['units'], operations(policy)['multiply_adds']
    else:
        hidden = getattr(getattr(policy.network, 'cell', None), 'hidden_size', 0), 0
    return Network(lambda seen: runner.step(seen, imu, period_s), policy, forward, hidden)


def _pilotnet() -> Network:
    camera = default_car().camera
    network = PilotNet().eval()
    compiled = compile_module(network)

    def decide(picture: np.ndarray) -> float:
        with torch.inference_mode():
            return compiled(torch.from_numpy(picture[None])).item()
    picture = torch.zeros(1, camera.height_px, camera.width_px, 3, dtype=torch.uint8)
    return Network(decide, network, lambda: network(picture))


def _multiply_adds(network: Network) -> int:
    """Return the multiply-adds of matrix products and convolutions, and those of a liquid cell by its definition."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.forward()
    return counter.get_total_flops() // 2 + network.hidden[1]


def _neurons(network: Network) -> int:
    """Return the values of all convolutional and dense layers and of the recurrent cell in one decision."""
    counted = 0

    def count(_layer: nn.Module, _inputs: tuple, output: Tensor) -> None:
        nonlocal counted
        counted += output[0].numel()
    hooks = [layer.register_forward_hook(count) for layer in network.module.modules()
             if isinstance(layer, (nn.Conv2d, nn.Linear))]
    with torch.inference_mode():
        network.forward()
    for hook in hooks:
        hook.remove()
    return counted + network.hidden[0]
