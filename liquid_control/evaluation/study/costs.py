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

"""What a step of each network costs: parameters, operations, time."""

import torch

from liquid_control.benchmarks.timing import interleave, rows_of
from liquid_control.evaluation.study.plan import NETWORKS
from liquid_control.learning.simulated import new_policy
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.wired_cfc import WiredCfCCell
from liquid_control.policy.compiling import Runner, compile_module
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import default_car

ROUNDS = 25


def costs(rounds: int = ROUNDS) -> list[dict]:
    """Return a row for each network; times are medians of compiled modules on one thread, measured in turns.

    Tails are not given: other parts of the study may run beside.
    """
    import numpy as np

    torch.set_num_threads(1)
    camera = default_car().camera
    picture = np.random.default_rng(0).integers(0, 256, (camera.height_px, camera.width_px, 3), dtype=np.uint8)
    imu = np.array([0.0, 0.0, 0.5, 0.2, 1.0, 9.81], np.float32)
    policies = {cell: new_policy(cell, 'small', 0).eval() for cell in NETWORKS}
    calls = {}
    for cell, policy in policies.items():
        runner = Runner(policy, camera.height_px, camera.width_px)
        calls[f'policy {cell}'] = lambda runner=runner: runner.step(picture, imu, 1.0 / 30.0)
        calls[f'network {cell}'] = _network_step(policy)
    times = {row['name']: row for row in rows_of(interleave(calls, rounds))}
    return [
        {
            'cell': cell,
            'state': policy.network.state_size,
            'network_parameters': _count(policy.network),
            'policy_parameters': _count(policy),
            **operations(policy),
            'network_us': times[f'network {cell}']['median_us'],
            'policy_us': times[f'policy {cell}']['median_us'],
        }
        for cell, policy in policies.items()
    ]


def operations(policy: DrivingPolicy) -> dict[str, int]:
    """Return multiply-adds and exponentials (sigmoid, tanh) of a step of the network behind the head.

    Counted from the definitions: a synapse of the LTC takes three multiply-adds (slope and shift; ``w E s``; ``w s``)
    and one sigmoid, six times a step unless it is sensory; a synapse of the CfC one multiply-add for each
    of four gates.
    """
    network, inputs = policy.network, policy.spec.inputs
    if isinstance(network, LTCCell):
        sensory, inner = len(network.sensory_mu), len(network.mu)
        evaluated = sensory + network.ode_unfolds * inner
        stepping = 2 * network.ode_unfolds * network.state_size
        return {'multiply_adds': 3 * evaluated + stepping, 'exponentials': evaluated}
    if isinstance(network, WiredCfCCell):
        synapses = network.sensory_synapse_count + network.synapse_count
        return {'multiply_adds': 4 * synapses + 3 * network.state_size, 'exponentials': 3 * network.state_size}
    if policy.spec.cell == 'cnn':
        units = network.layers[0].out_features
        return {'multiply_adds': inputs * units + units, 'exponentials': 0}
    units = network.cell.hidden_size
    gates, nonlinear = (3, 3) if policy.spec.cell == 'gru' else (4, 5)
    return {'multiply_adds': gates * units * (inputs + units) + 3 * units + units, 'exponentials': nonlinear * units}


def _network_step(policy: DrivingPolicy):
    network = compile_module(policy.network)
    features = torch.rand(1, policy.spec.inputs, generator=torch.Generator().manual_seed(0))
    elapsed, state = torch.ones(1, 1), policy.initial_state()

    def step() -> None:
        nonlocal state
        with torch.inference_mode():
            _, state = network(features, state, elapsed)

    return step


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
