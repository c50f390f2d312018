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
"""Ways to spoil a file, each drawn from a seeded generator."""
import json
import struct
from typing import Any

import numpy as np

NUMBERS = (0, 1, -1, 2**31 - 1, -2**31, 2**32 - 1, 2**53, 2**63 - 1, -2**63, 2**64)
TEXTS = ('nan', '-inf', '1e999', '-1', '9' * 5000, '../../canary', '/etc/passwd', '\0', '', 'true', 'null', '[]', '{}',
         '!!python/object/apply:os.system ["true"]', '\u202e', '%s%n', 'a' * 100_000)
ODD = (None, True, False, 0, -1, 1, 1e308, float('nan'), float('inf'), 10**400, 2**63, '', 'x', '../../canary', '\0',
       [], [[]], {}, {'a': {}}, [None] * 1000, 'é' * 1000)
MOST_BITS = 16
DEPTH = 2000


def spoil(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a content with one to three things wrong."""
    for _ in range(int(rng.integers(1, 4))):
        content = _WAYS[rng.integers(len(_WAYS))](content, rng)
    return content


def spoil_json(value: Any, rng: np.random.Generator) -> Any:
    """Return a JSON value with one node somewhere in it replaced, removed, doubled or nested."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = list(value)[rng.integers(len(value))]
        if rng.random() < 0.1:
            return {key: item for key, item in value.items() if key != name} | {f'{name}_': value[name]}
        return value | {name: spoil_json(value[name], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        place = int(rng.integers(len(value)))
        if rng.random() < 0.1:
            return value[:place] + value[place:] * 2
        return [*value[:place], spoil_json(value[place], rng), *value[place + 1:]]
    if rng.random() < 0.02:
        return _nested()
    return ODD[rng.integers(len(ODD))]


def spoil_safetensors(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a safetensors file whose header is valid JSON with something wrong, or whose length is."""
    length = int.from_bytes(content[:8], 'little')
    header = json.loads(content[8:8 + length])
    way = rng.integers(5)
    if way == 0:
        return int(NUMBERS[rng.integers(len(NUMBERS))] % 2**64).to_bytes(8, 'little') + content[8:]
    metadata = header['__metadata__']
    if way == 1:
        header = spoil_json(header, rng)
    else:
        key = list(metadata)[0]
        header['__metadata__'] = metadata | {key: json.dumps(spoil_json(json.loads(metadata[key]), rng))}
    text = json.dumps(header).encode()
    if way == 4:
        name = list(header)[rng.integers(len(header))] if isinstance(header, dict) and header else 'x'
        text = text[:-1] + b', ' + json.dumps({name: 1}).encode()[1:]
    return len(text).to_bytes(8, 'little') + text + content[8 + length:]


def _nested() -> Any:
    value: Any = 0
    for _ in range(DEPTH // 4):
        value = [value]
    return value


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    if not content:
        return content
    changed = bytearray(content)
    for place in rng.integers(0, 8 * len(content), rng.integers(1, MOST_BITS + 1)).tolist():
        changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[:rng.integers(len(content) + 1)]


def _remove(content: bytes, rng: np.random.Generator) -> bytes:
    begin, end = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    return content[:begin] + content[end:]


def _repeat(content: bytes, rng: np.random.Generator) -> bytes:
    begin, end = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    return content[:end] + content[begin:]


def _insert(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content) + 1))
    return content[:place] + rng.bytes(int(rng.integers(1, 64))) + content[place:]


def _number(content: bytes, rng: np.random.Generator) -> bytes:
    form = ('<B', '<H', '<I', '<Q', '<d')[rng.integers(5)]
    size = struct.calcsize(form)
    if len(content) < size:
        return content
    number = NUMBERS[rng.integers(len(NUMBERS))]
    packed = struct.pack(form, float(number)) if form == '<d' else struct.pack(form, number % 2**(8 * size))
    place = int(rng.integers(len(content) - size + 1))
    return content[:place] + packed + content[place + size:]


def _text(content: bytes, rng: np.random.Generator) -> bytes:
    """Put a text in the place of a word or a number."""
    words = [place for place in range(len(content)) if content[place:place + 1].isalnum()][:5000]
    if not words:
        return content
    begin = end = words[rng.integers(len(words))]
    while end < len(content) and (content[end:end + 1].isalnum() or content[end:end + 1] in b'.-+_'):
        end += 1
    return content[:begin] + TEXTS[rng.integers(len(TEXTS))].encode() + content[end:]


def _deep(content: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(content) + 1))
    return content[:place] + (b'[', b'{"a":', b'- ', b'(')[rng.integers(4)] * DEPTH + content[place:]


_WAYS = (_flip, _flip, _flip, _cut, _remove, _repeat, _insert, _number, _number, _text, _text, _deep)
