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

"""What a run of learning needs to go on after it was killed: one safetensors file, data only, written whole."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from liquid_control.errors import InputError
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.spec import PolicySpec
from liquid_control.policy.tensor_file import read_tensors
from liquid_control.whole_file import write_whole

HEADER_KEY = 'liquid_control_run'
FORMAT_VERSION = 1
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Position:
    """Where a run is.

    :param seed, workers: with which it began; ``seconds_limit, frames_limit``: its budget.
    :param stretches: stretches of driving learned from; ``frames``, ``seconds``, ``steps``: the same in other units.
    :param best: state of the trials (``BestOfTrials.state``).
    """

    seed: int
    workers: int
    seconds_limit: float
    frames_limit: int | None
    stretches: int
    frames: int
    seconds: float
    steps: int
    best: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A run between two stretches: weights, their average, the optimiser and the best weights so far."""

    spec: PolicySpec
    position: Position
    weights: Tensors
    average: Tensors
    optimiser: Tensors
    best: Tensors


GROUPS = ('weights', 'average', 'optimiser', 'best')


SUFFIX = '.checkpoint.safetensors'


def checkpoint_path(out: Path) -> Path:
    """Return where the run that will write a policy file keeps its checkpoint."""
    return out.with_suffix(SUFFIX)


def policy_path(checkpoint: Path) -> Path:
    """Return the policy file that the run of a checkpoint will write."""
    return checkpoint.with_name(checkpoint.name.removesuffix(SUFFIX).removesuffix('.safetensors') + '.safetensors')


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    tensors = {
        f'{group}/{name}': value.detach().cpu().contiguous()
        for group in GROUPS for name, value in getattr(checkpoint, group).items()
    }
    data = {'format_version': FORMAT_VERSION, 'spec': checkpoint.spec.to_json(), **asdict(checkpoint.position)}
    write_whole(path, save(tensors, metadata={HEADER_KEY: json.dumps(data)}))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    :raises InputError: if the file is missing, damaged or not a checkpoint of this version.
    """
    remedy = 'give a .checkpoint.safetensors file of liquid-control train'
    if not path.is_file():
        raise InputError(f"checkpoint '{path}' is not a file; {remedy}")
    try:
        data, tensors = read_tensors(path.read_bytes(), HEADER_KEY, f"checkpoint '{path}'", remedy)
        if data.pop('format_version', None) != FORMAT_VERSION:
            raise InputError(f"checkpoint '{path}' is not one of this version; {remedy}")
        checkpoint = _checkpoint(data, tensors)
        DrivingPolicy(checkpoint.spec).load_state_dict(checkpoint.weights)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        reason = ' '.join(str(error).split())[:200]
        raise InputError(f"checkpoint '{path}' cannot be read ({reason}); {remedy}") from error
    return checkpoint


def _checkpoint(data: dict[str, Any], tensors: Tensors) -> Checkpoint:
    groups: dict[str, Tensors] = {group: {} for group in GROUPS}
    for name, value in tensors.items():
        group, _, rest = name.partition('/')
        groups[group][rest] = value
    return Checkpoint(PolicySpec.from_json(data.pop('spec')), Position(**data), **groups)
