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

"""``bench policy``: a policy step, and its LTC cell alone, against the peer library."""
import importlib.util
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from liquid_control.benchmarks.ncps_peer import ncps_policy
from liquid_control.benchmarks.timing import interleave, ratio, rows_of
from liquid_control.policy.compiling import Runner, compile_module, trace_module
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import default_car

ROUNDS = 50
_ONNX_PACKAGES = ('onnx', 'onnxruntime', 'onnxscript')


def bench_policy(
        policy: DrivingPolicy, rounds: int = ROUNDS, on_round: Callable[[], None] | None = None) -> dict:
    """Time a policy's step on one torch thread, from the picture in memory to the numbers of the command.

    The peer is ncps in eager torch behind the same head, with the same synapses and weights. ONNX Runtime joins when
    it is installed.

    :param on_round: called after each round of timing.
    :raises InputError: if ncps is not installed or the policy's cell is not ltc.
    """
    torch.set_num_threads(1)
    peer = ncps_policy(policy).eval()
    calls = {'policy, TorchScript': _runner_step(policy), 'policy, ncps eager': _eager_step(peer)}
    if all(importlib.util.find_spec(package) for package in _ONNX_PACKAGES):
        calls['policy, ONNX Runtime'] = _onnx_step(policy)
    calls |= _cell_steps(policy, peer)
    rows = rows_of(interleave(calls, rounds, on_round))
    return {'benchmark': 'policy', 'rows': rows, 'ratios': {
        'policy_vs_ncps_eager': ratio(rows, 'policy, TorchScript', 'policy, ncps eager'),
        'ltc_step_vs_ncps_eager': ratio(rows, 'LTC step, TorchScript', 'LTC step, ncps eager'),
        'ltc_step_vs_ncps_trace': ratio(rows, 'LTC step, TorchScript', 'LTC step, ncps jit.trace')}}


def _inputs() -> tuple[np.ndarray, np.ndarray]:
    camera = default_car().camera
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (camera.height_px, camera.width_px, 3), dtype=np.uint8)
    return picture, np.array([0.0, 0.0, 0.5, 0.2, 1.0, 9.81], dtype=np.float32)


def _runner_step(policy: DrivingPolicy) -> Callable[[], Any]:
    picture, imu = _inputs()
    runner = Runner(policy, *picture.shape[:2])
    return lambda: runner.step(picture, imu, policy.spec.period_s)


def _eager_step(policy: DrivingPolicy) -> Callable[[], Any]:
    picture, imu = _inputs()
    state = policy.initial_state()

    def step() -> list[float]:
        nonlocal state
        with torch.inference_mode():
            tensors = torch.from_numpy(picture).unsqueeze(0), torch.from_numpy(imu).unsqueeze(0), torch.tensor([[1.0]])
            command, state = policy(*tensors, state)
            return command[0].tolist()
    return step


def _onnx_step(policy: DrivingPolicy) -> Callable[[], Any]:
    import onnxruntime

    from liquid_control.policy.onnx_export import INPUTS, export_onnx
    picture, imu = _inputs()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'policy.onnx'
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            export_onnx(policy, path, *picture.shape[:2])
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=['CPUExecutionProvider'])
    state = policy.initial_state().numpy()
    fixed = picture[None], imu[None], np.ones((1, 1), dtype=np.float32)

    def step() -> list[float]:
        nonlocal state
        command, state = session.run(None, dict(zip(INPUTS, (*fixed, state), strict=True)))
        return command[0].tolist()
    return step


def _cell_steps(policy: DrivingPolicy, peer: DrivingPolicy) -> dict[str, Callable[[], Any]]:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(1, policy.spec.inputs, generator=generator)
    elapsed, state = torch.ones(1, 1), policy.initial_state()
    cell = peer.network.cell
    with torch.inference_mode():
        traced = trace_module(cell, (features, state, elapsed))
    networks = {
        'LTC step, TorchScript': compile_module(policy.network), 'LTC step, ncps eager': cell,
        'LTC step, ncps jit.trace': traced}
    return {name: _cell_step(network, features, state, elapsed) for name, network in networks.items()}


def _cell_step(
        network: Callable, features: torch.Tensor, state: torch.Tensor, elapsed: torch.Tensor) -> Callable[[], Any]:
    def step() -> torch.Tensor:
        nonlocal state
        with torch.inference_mode():
            output, state = network(features, state, elapsed)
            return output
    return step
