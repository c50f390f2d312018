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

"""Work in parts, over processes: what is done stays done, and a killed run goes on where it was."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Part:
    """A part of the work.

    :param function: called with ``arguments`` in another process; leaves ``result``, whole.
    :param result: the file or folder that shows that the part is done.
    :param needs: results that other parts leave and this one reads.
    :param weight: how long it takes, in any unit.
    :param for_the_sake_of: when given, the part is done as well when all of these results are there.
    """

    name: str
    function: Callable[..., None]
    arguments: tuple[Any, ...]
    result: Path
    needs: tuple[Path, ...] = ()
    weight: float = 1.0
    for_the_sake_of: tuple[Path, ...] = field(default=())

    def done(self) -> bool:
        """Tell whether nothing is left to do."""
        served = bool(self.for_the_sake_of) and all(path.exists() for path in self.for_the_sake_of)
        return self.result.exists() or served

    def ready(self) -> bool:
        """Tell whether everything that the part reads is there."""
        return all(path.exists() for path in self.needs)


def run_parts(parts: list[Part], workers: int, on_done: Callable[[Part], None]) -> None:
    """Do what is left of the parts, the first ones first, as soon as what they need is there.

    :param workers: processes, each with one torch thread.
    :param on_done: called in this process with each part, also with those that are done already.
    """
    left = []
    for part in parts:
        on_done(part) if part.done() else left.append(part)
    if not left:
        return
    context = multiprocessing.get_context('spawn')
    pool = ProcessPoolExecutor(min(workers, len(left)), mp_context=context, initializer=_start_worker)
    try:
        _run(pool, left, workers, on_done)
        pool.shutdown()
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _run(pool: ProcessPoolExecutor, left: list[Part], workers: int, on_done: Callable[[Part], None]) -> None:
    running: dict[Future, Part] = {}
    while left or running:
        for part in [part for part in left if part.ready()][: workers - len(running)]:
            left.remove(part)
            running[pool.submit(part.function, *part.arguments)] = part
        if not running:
            raise RuntimeError(f'{left[0].name} needs {left[0].needs}, which no part leaves')
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            part = running.pop(future)
            future.result()
            on_done(part)


def _start_worker() -> None:
    """Prepare a worker: one torch thread, an end on Ctrl-C or SIGTERM at once, and with the parent."""
    import torch

    torch.set_num_threads(1)
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
