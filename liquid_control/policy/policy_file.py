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

"""Policy files: weights as data, metadata beside them, never code."""
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from liquid_control.errors import InputError
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.spec import PolicySpec
from liquid_control.policy.tensor_file import read_tensors
from liquid_control.whole_file import write_whole

HEADER_KEY = 'liquid_control'
MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class PolicyBytes:
    """A policy file as it was read, once: whatever is decided about it is decided about these bytes.

    :param sha256: of the content, in hexadecimal digits.
    """

    path: Path
    sha256: str
    content: bytes


def save_policy(policy: DrivingPolicy, path: str | Path) -> None:
    """Write a policy file, whole or not at all."""
    tensors = {name: value.detach().contiguous() for name, value in policy.state_dict().items()}
    write_whole(Path(path), save(tensors, metadata={HEADER_KEY: json.dumps(policy.spec.to_json())}))


def load_policy(path: str | Path) -> DrivingPolicy:
    """Build the policy of a file, ready to drive.

    :raises InputError: if the file is missing, too large, not safetensors, from elsewhere, of another version,
        or its weights do not fit its metadata or are not finite.
    """
    return policy_of(read_policy_bytes(path))


def read_policy_bytes(path: str | Path) -> PolicyBytes:
    """Read a policy file, or an export, without looking into it.

    :raises InputError: if the file is missing, empty or too large.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise InputError(
                f"policy '{path}' is not a file; give the path of a policy, for example models/ncp19.safetensors")
        with path.open('rb') as file:
            content = file.read(MAX_BYTES + 1)  # one more than allowed is seen as too many
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"policy '{path}' cannot be read ({error}); give the path of a policy file") from error
    if not 0 < len(content) <= MAX_BYTES:
        raise InputError(f"policy '{path}' has {len(content)} bytes, outside 1 to {MAX_BYTES}; "
                         'give a file written by liquid-control train')
    return PolicyBytes(path, hashlib.sha256(content).hexdigest(), content)


def policy_of(file: PolicyBytes) -> DrivingPolicy:
    """Build the policy that a file holds; see ``load_policy``."""
    name = f"policy '{file.path}'"
    said, tensors = read_tensors(file.content, HEADER_KEY, name, 'give a file written by liquid-control train')
    return _build(file.path, said, tensors)


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _build(path: Path, said: Any, tensors: dict[str, torch.Tensor]) -> DrivingPolicy:
    try:
        policy = DrivingPolicy(PolicySpec.from_json(said))
    except InputError as error:
        raise InputError(f"policy '{path}': {error}") from error
    expected = policy.state_dict()
    for name in sorted(set(expected) | set(tensors)):
        _check_tensor(path, name, expected.get(name), tensors.get(name))
    policy.load_state_dict(tensors)
    return policy.eval()


def _check_tensor(path: Path, name: str, expected: torch.Tensor | None, given: torch.Tensor | None) -> None:
    remedy = 'use a policy file written by this version of liquid_control'
    if expected is None or given is None:
        raise InputError(
            f"policy '{path}': tensor '{name}' is {'unknown' if expected is None else 'missing'}; {remedy}"
        )
    if expected.shape != given.shape or expected.dtype != given.dtype:
        raise InputError(
            f"policy '{path}': tensor '{name}' is {given.dtype} {tuple(given.shape)}, "
            f'not {expected.dtype} {tuple(expected.shape)}; {remedy}'
        )
    if given.is_floating_point() and not bool(torch.isfinite(given).all()):
        raise InputError(f"policy '{path}': tensor '{name}' holds values that are not finite; train it again")
