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
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from liquid_control.errors import InputError
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.spec import PolicySpec

HEADER_KEY = 'liquid_control'
MAX_BYTES = 256 * 1024 * 1024


def save_policy(policy: DrivingPolicy, path: str | Path) -> None:
    """Write a policy file, whole or not at all."""
    tensors = {name: value.detach().contiguous() for name, value in policy.state_dict().items()}
    write_whole(Path(path), save(tensors, metadata={HEADER_KEY: json.dumps(policy.spec.to_json())}))


def load_policy(path: str | Path) -> DrivingPolicy:
    """Build the policy of a file, ready to drive.

    :raises InputError: if the file is missing, too large, not safetensors, from elsewhere, of another version,
        or its weights do not fit its metadata or are not finite.
    """
    path = Path(path)
    _check_file(path)
    try:
        with safe_open(path, framework='pt') as file:
            metadata = (file.metadata() or {}).get(HEADER_KEY)
            if metadata is None:
                raise InputError(
                    f"policy '{path}' has no '{HEADER_KEY}' metadata; give a file written by liquid-control train"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"policy '{path}' is not a readable safetensors file ({error}); give a file written by liquid-control train"
        ) from error
    return _build(path, metadata, tensors)


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old one or the new one, never a part.

    :raises InputError: if the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    except OSError as error:
        raise InputError(f"'{path}' cannot be written ({error}); give a writable path") from error
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise InputError(f"'{path}' cannot be written ({error}); give a writable path with free space") from error


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            f"policy '{path}' is not a file; give the path of a policy, for example models/ncp19.safetensors"
        )
    size = path.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise InputError(
            f"policy '{path}' has {size} bytes, outside 1 to {MAX_BYTES}; give a file written by liquid-control train"
        )


def _build(path: Path, metadata: str, tensors: dict[str, torch.Tensor]) -> DrivingPolicy:
    try:
        policy = DrivingPolicy(PolicySpec.from_json(json.loads(metadata)))
    except (InputError, json.JSONDecodeError, RecursionError) as error:
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
