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
"""Safetensors files from bytes: what was hashed is what is read, and nothing in it is believed unchecked."""
import json
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from liquid_control.errors import InputError

MAX_HEADER_BYTES = 8 * 2**20


def read_tensors(content: bytes, key: str, name: str, remedy: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """Return what the metadata say under a key, as JSON, and the tensors.

    :param name: what an error calls the file; ``remedy``: how it ends.
    :raises InputError: if the content is not such a file.
    """
    try:
        said = json.loads(_metadata(content)[key], object_pairs_hook=_once)
    except KeyError as error:
        raise InputError(f"{name} has no '{key}' metadata; {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f'{name} is not a readable safetensors file ({_short(error)}); {remedy}') from error
    try:
        return said, load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, AssertionError, OverflowError) as error:
        raise InputError(f'{name} is not a readable safetensors file ({_short(error)}); {remedy}') from error


def _metadata(content: bytes) -> dict[str, str]:
    """Return the header's metadata: a little-endian length in eight bytes, then that much JSON, precede the tensors."""
    length = int.from_bytes(content[:8], 'little')
    if len(content) < 8 or length > len(content) - 8:
        raise ValueError(f'a header of {length} bytes does not fit into {len(content)} bytes')
    if length > MAX_HEADER_BYTES:
        raise ValueError(f'a header of {length} bytes is larger than {MAX_HEADER_BYTES}')
    header = json.loads(content[8:8 + length], object_pairs_hook=_once)
    metadata = header.get('__metadata__', {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError('the header is not a JSON object with texts as metadata')
    return metadata


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name given twice: two readers could take different ones."""
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError('a name is given twice')
    return found


def _short(error: Exception) -> str:
    return ' '.join(str(error).split())[:160] or type(error).__name__
