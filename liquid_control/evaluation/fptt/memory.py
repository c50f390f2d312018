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
"""What learning keeps of a sequence: bytes that autograd saves, and how much a process grows."""

import json
import subprocess
import sys
from pathlib import Path

import torch

from liquid_control.learning.fptt import FPTT, Constants, Descent, Stream
from liquid_control.learning.sequence_model import new_model

BATCH, UNITS, INPUTS = 4, 32, 2
LENGTHS = (100, 300, 1000, 3000, 10_000)


class Saved:
    """Counts the bytes of what autograd keeps for the backward pass: what is kept now, and the most at any time."""

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._keep, _give)

    def __enter__(self) -> 'Saved':
        self._hooks.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._hooks.__exit__(*error)

    def _keep(self, tensor: torch.Tensor) -> '_Kept':
        return _Kept(self, tensor)


class _Kept:
    """A tensor as long as autograd keeps it."""

    def __init__(self, saved: Saved, tensor: torch.Tensor) -> None:
        self._saved, self.tensor, self._bytes = saved, tensor, tensor.numel() * tensor.element_size()
        saved.now += self._bytes
        saved.peak = max(saved.peak, saved.now)

    def __del__(self) -> None:
        self._saved.now -= self._bytes


def _give(kept: _Kept) -> torch.Tensor:
    return kept.tensor


def saved_bytes(cell: str, steps: int, window: int) -> int:
    """Return the most bytes that autograd keeps while a cell learns from one sequence.

    :param window: steps between updates: 1 for FPTT, ``steps`` for backpropagation through time.
    """
    with Saved() as saved:
        learn_one(cell, steps, window)
    return saved.peak


def learn_one(cell: str, steps: int, window: int) -> None:
    """Let a fresh network learn from one sequence, made while it is learned from."""
    torch.manual_seed(0)
    model = new_model(cell, INPUTS, UNITS, 1, 100.0)
    stream = Stream(model, FPTT(model) if window < steps else Descent(model, Constants()),
                    torch.zeros(BATCH, model.cell.state_size))
    for _ in range(0, steps, window):
        stream.learn((torch.rand(BATCH, window, INPUTS),), lambda outputs: (outputs ** 2).mean())


def grown_bytes(cell: str, steps: int, window: int) -> int:
    """Return by how much a fresh process grows at most while a cell learns from one sequence, warmed up before."""
    answer = subprocess.run(
        [sys.executable, '-m', 'liquid_control.evaluation.fptt.memory', cell, str(steps), str(window)],
        check=True, capture_output=True, text=True)
    return int(json.loads(answer.stdout)['grown_bytes'])


def measure(cell: str, method: str, steps: int) -> dict:
    """Return a row: what FPTT ('fptt') or backpropagation through time ('bptt') needs for a sequence."""
    window = 1 if method == 'fptt' else steps
    return {'cell': cell, 'method': method, 'T': steps, 'saved_bytes': saved_bytes(cell, steps, window),
            'grown_bytes': grown_bytes(cell, steps, window)}


def _peak_bytes() -> int:
    """Return the most memory that this process has held; what getrusage says may be that of the one that started it."""
    status = Path('/proc/self/status').read_text()
    return 1024 * int(status.partition('VmHWM:')[2].split()[0])


def main() -> None:
    """Learn in this process and say how much it has grown."""
    cell, steps, window = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    learn_one(cell, 10, 1)
    before = _peak_bytes()
    learn_one(cell, steps, window)
    print(json.dumps({'grown_bytes': _peak_bytes() - before}))


if __name__ == '__main__':
    main()
