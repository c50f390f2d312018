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

"""Compiled and exported policies give the commands of the eager one."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from liquid_control.errors import InputError
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.compiling import Runner, export_torchscript, load_exported
from liquid_control.policy.spec import CELLS

PERIOD_S = 1.0 / 30.0


def drive(count=8, height=144, width=192):
    rng = np.random.default_rng(5)
    for _ in range(count):
        yield (
            rng.integers(0, 256, (height, width, 3), np.uint8),
            rng.standard_normal(6).astype(np.float32),
            float(rng.uniform(0.3, 3.0)) * PERIOD_S,
        )


def eager_commands(policy, pictures):
    state, commands = policy.initial_state(), []
    for picture, imu, elapsed in pictures:
        command, state = policy(
            torch.from_numpy(picture)[None], torch.from_numpy(imu)[None], torch.tensor([[elapsed / PERIOD_S]]), state
        )
        commands.append(command[0].tolist())
    return np.array(commands)


def runner_commands(runner, pictures):
    decisions = [runner.step(*tick) for tick in pictures]
    return np.array([(decision.steering_rad, decision.speed_mps) for decision in decisions])


@pytest.mark.parametrize('cell', CELLS)
def test_liquid_neurons_come_with_their_time_constants_in_seconds(cell):
    policy = new_policy(cell, 'small', 2).eval()
    picture, imu, _ = next(drive())
    decision = Runner(policy).step(picture, imu, PERIOD_S)
    if cell not in ('ltc', 'spiking'):
        assert decision.time_constants.shape == (0,)
        return
    features = policy.features(torch.from_numpy(picture)[None], torch.from_numpy(imu)[None])
    _, state, periods = policy.network.observe(features, policy.initial_state(), torch.ones(1, 1))
    np.testing.assert_allclose(decision.neurons, state[0].detach(), atol=1e-5)
    np.testing.assert_allclose(decision.time_constants, periods[0].detach() * PERIOD_S, rtol=1e-4)


@pytest.mark.parametrize('cell', CELLS)
def test_compiled_equals_eager(cell):
    policy = new_policy(cell, 'small', 2).eval()
    np.testing.assert_allclose(runner_commands(Runner(policy), drive()), eager_commands(policy, drive()), atol=1e-5)


def test_a_camera_of_another_size_is_resized():
    policy = new_policy('ltc', 'small', 2).eval()
    runner = Runner(policy)
    for size in ((120, 160), (480, 640), (90, 160)):
        runner.reset()
        pictures = list(drive(3, *size))
        np.testing.assert_allclose(runner_commands(runner, pictures), eager_commands(policy, pictures), atol=1e-5)


def test_reset_forgets():
    runner = Runner(new_policy('ltc', 'small', 2))
    first = runner_commands(runner, drive())
    assert not np.allclose(runner_commands(runner, drive()), first, atol=1e-7)
    runner.reset()
    np.testing.assert_array_equal(runner_commands(runner, drive()), first)


def test_a_sequence_is_the_same_as_its_steps():
    policy = new_policy('ltc', 'small', 4).eval()
    pictures = list(drive(6))
    small = torch.stack([policy.retina.resize(torch.from_numpy(picture)[None])[0] for picture, _, _ in pictures])[None]
    imu = torch.from_numpy(np.stack([imu for _, imu, _ in pictures]))[None]
    elapsed = torch.tensor([[[seconds / PERIOD_S] for _, _, seconds in pictures]])
    steering, _ = policy.sequence(small, imu, elapsed, policy.initial_state())
    expected = eager_commands(policy, pictures)[:, 0] / policy.spec.max_steering_rad
    np.testing.assert_allclose(steering[0].detach().numpy().clip(-1.0, 1.0), expected, atol=1e-5)


def test_the_torchscript_export_runs_only_under_its_hash(tmp_path):
    policy = new_policy('ltc', 'small', 2).eval()
    sha256 = export_torchscript(policy, tmp_path / 'p.pt')
    np.testing.assert_allclose(
        runner_commands(Runner(load_exported(tmp_path / 'p.pt', sha256)), drive()),
        eager_commands(policy, drive()),
        atol=1e-5,
    )
    with pytest.raises(InputError, match='SHA-256'):
        load_exported(tmp_path / 'p.pt', '0' * 64)


def test_the_onnx_export_gives_the_same_commands(tmp_path):
    onnxruntime = pytest.importorskip('onnxruntime')
    from liquid_control.policy.onnx_export import export_onnx

    policy = new_policy('ltc', 'small', 2).eval()
    export_onnx(policy, tmp_path / 'p.onnx', 144, 192)
    session = onnxruntime.InferenceSession(tmp_path / 'p.onnx')
    state, commands = policy.initial_state().numpy(), []
    for picture, imu, elapsed in drive():
        command, state = session.run(
            None,
            {
                'picture': picture[None],
                'imu': imu[None],
                'state': state,
                'elapsed': np.array([[elapsed / PERIOD_S]], np.float32),
            },
        )
        commands.append(command[0])
    np.testing.assert_allclose(np.array(commands), eager_commands(policy, drive()), atol=1e-4)


def test_one_file_compiles_and_loads_torchscript():
    root = Path(__file__).resolve().parents[1]
    named = subprocess.run(
        ['grep', '-rlE', r'torch\.jit\.(script|trace|freeze|load|save)', 'liquid_control', '--include=*.py'],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    benches = [name for name in named if name.startswith('liquid_control/benchmarks/')]
    assert sorted(set(named) - set(benches)) == ['liquid_control/policy/compiling.py']
