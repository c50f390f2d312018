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

"""Compiling policies to TorchScript: the one place that names it.

TorchScript is deprecated upstream and not supported on Python 3.14; what replaces it goes here.
"""

import copy
import hashlib
import io
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.heads import SmallHead
from liquid_control.policy.policy_file import PolicyBytes, read_policy_bytes
from liquid_control.policy.spec import PolicySpec
from liquid_control.whole_file import write_whole

WARM_UP_STEPS = 20
MAX_ELAPSED_PERIODS = 10.0
METADATA_NAME = 'liquid_control.json'
_NONE = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Decision:
    """What a policy answered: steering in rad (left positive), speed in m/s, the network's state (S,).

    :param time_constants: (S,) of each neuron in seconds, of an LTC tau_sys; empty (0,) where the cell has none, and in
        exports.
    """

    steering_rad: float
    speed_mps: float
    neurons: np.ndarray
    time_constants: np.ndarray


@dataclass(frozen=True)
class ExportedPolicy:
    """A policy that was compiled and written as TorchScript earlier."""

    spec: PolicySpec
    step: torch.jit.ScriptModule
    state_size: int


class Observed(nn.Module):
    """A policy whose step also tells the time constants of its LTC or spiking neurons in seconds."""

    def __init__(self, policy: DrivingPolicy) -> None:
        super().__init__()
        self.policy = policy
        self.period_s = policy.spec.period_s

    def forward(self, picture: Tensor, imu: Tensor, elapsed: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run one tick as ``DrivingPolicy.forward`` does; the time constants (B, S) come third."""
        features = self.policy.features(picture, imu)
        output, state, periods = self.policy.network.observe(features, state, elapsed)
        return self.policy.command(output), state, periods * self.period_s


def compile_module(module: nn.Module) -> torch.jit.ScriptModule:
    """Return a module compiled by TorchScript and frozen for inference; the module itself stays as it is.

    The compiled copy keeps its convolutions in the order of the pixels of a picture (channels last), as the retina
    delivers them, and those of a small head do without oneDNN: 40 microseconds less for each picture, same result.
    """
    module = copy.deepcopy(module.eval()).to(memory_format=torch.channels_last)
    for head in [part for part in module.modules() if isinstance(part, SmallHead)]:
        head.convolutions = nn.Sequential(*(_plain(layer) for layer in head.convolutions))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        return torch.jit.freeze(torch.jit.script(module))


class PlainConv2d(nn.Module):
    """A convolution as one matrix product: for a few thousand weights oneDNN takes longer to set up than to compute."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.kernel_size, self.stride = list(convolution.kernel_size), list(convolution.stride)

    def forward(self, image: Tensor) -> Tensor:
        """Convolve (B, C, H, W) without padding."""
        return torch.ops.aten.thnn_conv2d(image, self.weight, self.kernel_size, self.bias, self.stride)


def _plain(layer: nn.Module) -> nn.Module:
    return PlainConv2d(layer) if isinstance(layer, nn.Conv2d) else layer


def trace_module(module: nn.Module, example: tuple[torch.Tensor, ...]) -> torch.jit.ScriptModule:
    """Return a module recorded by TorchScript on example inputs and frozen, for modules that cannot be scripted."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return torch.jit.freeze(torch.jit.trace(module.eval(), example))


def script_to_learn(module: nn.Module) -> torch.jit.ScriptModule:
    """Return a module compiled by TorchScript that shares its parameters, so that gradients reach them."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        return torch.jit.script(module)


def save_scripted(module: nn.Module, file: str | Path | BinaryIO, metadata: dict | None = None) -> None:
    """Write a module as TorchScript, as it is or with the metadata that makes it an export."""
    extra = {} if metadata is None else {METADATA_NAME: json.dumps(metadata)}
    torch.jit.save(torch.jit.script(module), str(file) if isinstance(file, Path) else file, _extra_files=extra)


def export_torchscript(policy: DrivingPolicy, path: str | Path) -> str:
    """Write a policy as a TorchScript file and return the SHA-256 that a node asks for before it runs the file."""
    metadata = {'spec': policy.spec.to_json(), 'state_size': policy.network.state_size}
    content = io.BytesIO()
    save_scripted(compile_module(policy), content, metadata)
    write_whole(Path(path), content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


def load_exported(path: str | Path, sha256: str) -> ExportedPolicy:
    """Load a TorchScript export. Such a file is code: it is not opened unless its SHA-256 is the expected one.

    :raises InputError: if the file is missing, has another hash or was not written by ``export_torchscript``.
    """
    return exported_of(read_policy_bytes(path), sha256)


def exported_of(file: PolicyBytes, sha256: str) -> ExportedPolicy:
    """Load the bytes of a TorchScript export; see ``load_exported``."""
    path = file.path
    if file.sha256 != sha256.lower():
        raise InputError(
            f"policy '{path}' has SHA-256 {file.sha256}, not '{sha256}'; "
            'an export is code: set policy_sha256 to its hash only if you trust it'
        )
    extra = {METADATA_NAME: ''}
    try:
        module = torch.jit.load(io.BytesIO(file.content), map_location='cpu', _extra_files=extra)
        metadata = json.loads(extra[METADATA_NAME])
        return ExportedPolicy(PolicySpec.from_json(metadata['spec']), module, int(metadata['state_size']))
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"policy '{path}' is not an export of liquid_control ({reason}); write it with liquid-control export"
        ) from error


class Runner:
    """A compiled policy that keeps its state from tick to tick.

    :param height, width: size of the camera picture to warm up with; other sizes work too.
    :param file: what the policy was read from, for those who want to know.
    """

    def __init__(self, policy: DrivingPolicy | ExportedPolicy, height: int = 144, width: int = 192,
                 file: PolicyBytes | None = None) -> None:
        self.spec, self.file = policy.spec, file
        exported = isinstance(policy, ExportedPolicy)
        self._observes = not exported and hasattr(policy.network, 'observe')
        self._step = policy.step if exported else compile_module(Observed(policy) if self._observes else policy)
        self._initial = torch.zeros(1, policy.state_size if exported else policy.network.state_size)
        self._elapsed = torch.ones(1, 1)
        self._warm_up(height, width)

    def reset(self) -> None:
        """Forget everything seen."""
        self._state = self._initial

    def resume(self, neurons: np.ndarray) -> None:
        """Go on from a state float32 (S,) that an earlier decision told."""
        self._state = torch.from_numpy(neurons[None].copy())

    def step(self, picture: np.ndarray, imu: np.ndarray, elapsed_s: float) -> Decision:
        """Answer one picture.

        :param picture: uint8 (H, W, 3) RGB.
        :param imu: float32 (6,), rad/s and m/s^2, REP-103 axes.
        :param elapsed_s: seconds since the last picture answered, above 0; more than ten nominal periods count as ten.
        """
        elapsed = min(elapsed_s / self.spec.period_s, MAX_ELAPSED_PERIODS)
        with torch.inference_mode():
            answer = self._step(
                torch.from_numpy(picture[None]),
                torch.from_numpy(imu[None]),
                self._elapsed.fill_(elapsed),
                self._state,
            )
            self._state = answer[1]
            ((steering, speed),) = answer[0].tolist()
            return Decision(steering, speed, self._state.numpy()[0], answer[2].numpy()[0] if self._observes else _NONE)

    def _warm_up(self, height: int, width: int) -> None:
        """Run past the profiling calls of the compiler, which take up to 28 ms each."""
        self.reset()
        picture = np.zeros((height, width, 3), np.uint8)
        for _ in range(WARM_UP_STEPS):
            self.step(picture, np.zeros(6, np.float32), self.spec.period_s)
        self.reset()
