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

"""Files that no drive node may be hurt by."""
import json
import pickle
import time
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from liquid_control.policy.compiling import save_scripted
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.policy_file import HEADER_KEY, save_policy, sha256_of

HUGE = 3e38
SIDE = 128


def write_overflowing(policy: DrivingPolicy, path: Path) -> None:
    """Write a policy whose weights are finite and whose answers are not."""
    with torch.no_grad():
        for parameter in policy.network.parameters():
            parameter.fill_(HUGE)
    save_policy(policy, path)


def write_foreign(policy: DrivingPolicy, path: Path) -> None:
    """Write a policy with a field that nobody knows."""
    metadata = policy.spec.to_json() | {'surprise': 1}
    path.write_bytes(save(policy.state_dict(), metadata={HEADER_KEY: json.dumps(metadata)}))


def write_misshapen(policy: DrivingPolicy, path: Path) -> None:
    """Write a policy with a weight of another shape."""
    tensors = policy.state_dict() | {'gain': torch.ones(3)}
    path.write_bytes(save(tensors, metadata={HEADER_KEY: json.dumps(policy.spec.to_json())}))


class _Canary:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return Path.touch, (self.trace,)


def write_pickles(folder: Path, trace: Path) -> list[Path]:
    """Write pickles, plain and as torch writes them, that leave ``trace`` when they are opened."""
    plain = pickle.dumps(_Canary(trace))
    paths = [folder / name for name in ('pickle.safetensors', 'pickle.pt', 'torch.safetensors', 'torch.pt')]
    for path in paths[:2]:
        path.write_bytes(plain)
    for path in paths[2:]:
        torch.save({'state': _Canary(trace)}, path)
    return paths


class _Writer(nn.Module):
    """Writes a file when it is loaded."""

    def __init__(self, trace: str) -> None:
        super().__init__()
        self.trace = trace

    def forward(self, x: Tensor) -> Tensor:
        return x

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:
        return self.trace, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.trace = state[0]
        self.training = state[1]
        torch.save(torch.ones(1), self.trace)


def write_hostile_torchscript(path: Path, trace: Path) -> None:
    """Write a TorchScript file that leaves ``trace`` when it is loaded."""
    save_scripted(_Writer(str(trace)), path)
    trace.unlink(missing_ok=True)


class _Slow(nn.Module):
    """Drives straight on, after a while."""

    def __init__(self, loops: int, speed: float) -> None:
        super().__init__()
        self.loops, self.speed = loops, speed
        self.register_buffer('matrix', torch.full((SIDE, SIDE), 1.0 / SIDE))

    def forward(self, picture: Tensor, imu: Tensor, elapsed: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        product = self.matrix
        for _ in range(self.loops):
            product = torch.mm(product, self.matrix)
        steering = 0.0 * product.sum()
        return torch.stack((steering, steering + self.speed)).unsqueeze(0), state


def write_slow(policy: DrivingPolicy, path: Path, seconds: float) -> str:
    """Write an export that takes at least ``seconds`` for an answer on this machine; return its SHA-256."""
    loops = int(seconds / min(_product_s() for _ in range(10))) + 1
    metadata = {'spec': policy.spec.to_json(), 'state_size': policy.network.state_size}
    save_scripted(_Slow(loops, policy.spec.speed_mps), path, metadata)
    return sha256_of(path)


def _product_s() -> float:
    """Return what one product of matrices takes, in s, the mean of a few hundred."""
    begin, count, matrix = time.perf_counter(), 300, torch.full((SIDE, SIDE), 1.0 / SIDE)
    for _ in range(count):
        torch.mm(matrix, matrix)
    return (time.perf_counter() - begin) / count
