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

"""The process that learns beside a driving car: ``python -m liquid_control.learning.loop.learner``.

Reads requests as JSON lines from standard input and writes what comes of them to standard output:

    {"learn": {"bags": DIR, "recordings": [BAG, ...], "start": FILE or "", "cell": "ltc", "head": "small", "seed": 0,
               "seconds": 40.0, "out": FILE, "round": 3}}
    {"progress": 0.25, "loss": 0.02, "samples": 5400, "left_s": 30.1}
    {"done": {"out": FILE, "samples": 5400, "sequences": 31, "left_out": {REASON: NUMBER}, "loss": 0.01,
              "held_out_mae": 0.05}}
    {"error": "one line"}

With "steps" instead of "seconds" the same samples and seed give the same weights. Samples that were read stay in
memory for the next request. The process ends when its standard input does, so it never outlives the one that started
it. It learns with one thread that runs only when no other process wants the core (SCHED_IDLE, where the system has it).
"""
import json
import os
import queue
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

REPORT_S = 0.3
NICE = 10
SESSION_NICE = 19


def main() -> int:
    """Answer requests until the standard input ends."""
    stay_behind()
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), name='input', daemon=True).start()
    import torch
    torch.set_num_threads(1)
    from liquid_control.errors import InputError
    from liquid_control.learning.freed_memory import keep_freed_memory
    keep_freed_memory()
    learner = Learner()
    while True:
        line = requests.get()
        try:
            say({'done': learner.learn(line)})
        except InputError as error:
            say({'error': ' '.join(str(error).split())})
        except Exception as error:
            # Whatever went wrong in one lesson, the next one may go well; the trainer says what it was.
            say({'error': f'learning failed: {type(error).__name__}: {error}'.replace('\n', ' ')})


def stay_behind() -> None:
    """Let every process that drives go first."""
    with suppress(OSError):
        os.nice(NICE)
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):
        # Where Linux shares the cores out among sessions first (autogroup), what was asked for above only counts within
        # this one; see sched(7).
        if os.getsid(0) == os.getpid():
            Path('/proc/self/autogroup').write_text(str(SESSION_NICE))


def say(message: dict[str, Any]) -> None:
    """Write a line; end when nobody reads."""
    try:
        sys.stdout.write(json.dumps(message) + '\n')
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


class Learner:
    """Keeps what was read between requests."""

    def __init__(self) -> None:
        self._dataset = None

    def learn(self, line: str) -> dict[str, Any]:
        """Work on one request and return what came of it.

        :raises InputError: if the request cannot be fulfilled.
        """
        from liquid_control.learning.loop import lesson
        from liquid_control.learning.loop.dataset import Dataset
        from liquid_control.learning.loop.learner_request import parse_request
        request = parse_request(_object(line))
        policy = lesson.pupil(request)
        if self._dataset is None or not self._dataset.fits(policy):
            self._dataset = Dataset(policy)
        dataset = self._dataset
        dataset.read(request.bags, request.recordings, lambda: say({'progress': 0.0, 'samples': len(dataset)}))
        learned = lesson.learn(policy, dataset, request, _Reporter(len(dataset)))
        lesson.write(policy, dataset, request, learned)
        return {'out': str(request.out), 'samples': len(dataset), 'sequences': len(dataset.stretches),
                'left_out': {reason: number for reason, number in dataset.left_out.items() if number},
                'steps': learned.steps, 'loss': learned.loss, 'held_out_mae': learned.held_out_mae}


class _Reporter:
    """Says how far a lesson has come, a few times a second."""

    def __init__(self, samples: int) -> None:
        self._samples, self._said_s = samples, 0.0

    def __call__(self, progress: float, loss: float, left_s: float) -> None:
        now = time.monotonic()
        if now - self._said_s >= REPORT_S:
            self._said_s = now
            say({'progress': round(progress, 4), 'loss': round(loss, 6), 'samples': self._samples,
                 'left_s': round(left_s, 1)})


def _object(line: str) -> Any:
    from liquid_control.errors import InputError
    try:
        return json.loads(line)
    except ValueError as error:
        raise InputError(f'the learner was told something that is no JSON ({error}); send one object a line') from error


def _listen(requests: queue.SimpleQueue) -> None:
    for line in sys.stdin:
        if line.strip():
            requests.put(line)
    os._exit(0)


if __name__ == '__main__':
    sys.exit(main())
