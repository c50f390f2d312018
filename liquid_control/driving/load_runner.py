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

"""From the name of a policy to something that drives."""
from pathlib import Path

from liquid_control.errors import InputError
from liquid_control.share import share_path

EXPORT_SUFFIX = '.pt'


def check_policy(policy: str, sha256: str) -> None:
    """Read a policy as ``load_runner`` does, but compile nothing.

    :raises InputError: if the file cannot be used.
    """
    _load(policy, sha256)


def load_runner(policy: str, sha256: str, height: int, width: int):
    """Load, compile and warm up a policy; torch is imported here and computes on one thread.

    :param policy: path of a policy file or of an exported TorchScript file, or of one below this package's share
        directory, such as ``models/ncp19.safetensors``.
    :param sha256: hexadecimal digits that the file must have; may be empty, but not for an export, which is code.
    :param height, width: size of the camera's pictures, to warm up with.
    :returns: a ``policy.compiling.Runner``.
    :raises InputError: if the file cannot be used.
    """
    import torch

    from liquid_control.policy.compiling import Runner
    torch.set_num_threads(1)
    loaded, file = _load(policy, sha256)
    return Runner(loaded, height, width, file)


def _load(policy: str, sha256: str):
    from liquid_control.policy.compiling import exported_of
    from liquid_control.policy.policy_file import policy_of, read_policy_bytes
    path = policy_path(policy)
    file = read_policy_bytes(path)
    if path.suffix == EXPORT_SUFFIX:
        if not sha256:
            raise InputError(f"policy '{path}' is an export and thus code; "
                             'set policy_sha256 to its SHA-256 if you trust it')
        return exported_of(file, sha256), file
    if sha256 and file.sha256 != sha256.lower():
        raise InputError(f"policy '{path}' has SHA-256 {file.sha256}, not '{sha256}'; "
                         'correct policy_sha256 or leave it empty')
    return policy_of(file), file


def policy_path(policy: str) -> Path:
    """Return the path itself, or that of the file below this package's share directory.

    :raises InputError: if the text is no path.
    """
    path = Path(policy)
    try:
        path = path.expanduser()
        return path if path.exists() or path.is_absolute() else share_path(policy)
    except FileNotFoundError:
        return path
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"policy '{policy[:80]}' is not a path ({error}); give the path of a policy") from error
