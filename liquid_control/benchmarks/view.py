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

"""``bench view``: what an open page costs the car: the drive node unwatched, watched, and with a browser beside it."""
import asyncio
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.nodes.processes import environment, last_line, node_process, require_ros, stop_process

ROUNDS = 4
SECONDS = 9.0
SETTLE_S = 2.0
START_TIMEOUT_S = 60.0
TRACK = 'random:1000003'
NAMESPACE = 'bench'
ALONE, WATCHED, BROWSED = 'unwatched', 'watched from elsewhere', 'watched by Chromium here'
BROWSERS = 'chromium', 'chromium-browser', 'google-chrome'
BROWSER_OPTIONS = ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
                   '--disable-background-networking', '--window-size=1440,900', '--remote-debugging-port=0')
RESAMPLES = 2000
BLOCK_S = 1.0


def bench_view(policy: str, rounds: int = ROUNDS, seconds: float = SECONDS,
               on_round: Callable[[], None] | None = None) -> dict:
    """Measure a drive in the embedded simulator unwatched, watched, and watched by a browser on this machine, in turns.

    Watched from elsewhere: ``liquid-control view`` runs here and serves a page that asks for everything, the path
    back of the command included, and draws nothing, as if it were drawn on a phone. Watched by Chromium here: the page
    is open in a headless Chromium, which draws on the processor that the car drives with. Left out without Chromium.

    A latency is from the publication of a picture to that of the first command with its stamp, as DDS notes them. The
    interval of a ratio is the middle 95 % of 2000 resamples of whole seconds of each side.

    :param policy: path of a policy file.
    :param on_round: called after each round of all.
    :raises InputError: if ROS is not installed or the nodes do not drive.
    """
    require_ros()
    spans: dict[str, list[tuple[int, int]]] = {ALONE: [], WATCHED: []} | ({BROWSED: []} if _browser() else {})
    spent: dict[str, list[float]] = {name: [] for name in spans}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        out = Path(folder) / 'timekeeper.json'
        nodes = {'simulator': {'track': TRACK},
                 'drive': {'policy': Path(policy).resolve(), 'autostart': 'true', 'use_sim_time': 'true'},
                 'timekeeper': {'out': out}}
        for name, parameters in nodes.items():
            stack.enter_context(node_process(name, NAMESPACE, Path(folder) / f'{name}.log', parameters))
        _wait_for(out.with_suffix('.ready'), Path(folder) / 'drive.log')
        for number in range(rounds):
            for name in list(spans)[::1 if number % 2 else -1]:
                with _watching(name, Path(folder)) as watchers:
                    time.sleep(SETTLE_S)
                    before = sum(map(_processor_s, watchers))
                    begin = time.time_ns()
                    time.sleep(seconds)
                    spans[name].append((begin, time.time_ns()))
                    spent[name].append((sum(map(_processor_s, watchers)) - before) / seconds)
            if on_round is not None:
                on_round()
        stack.close()
        noted = json.loads(out.read_text())
    return result_of(noted, spans, spent)


def result_of(noted: dict, spans: dict[str, list[tuple[int, int]]], spent: dict[str, list[float]]) -> dict:
    """Return rows and ratios.

    :param noted: what the timekeeper wrote.
    :param spans: name -> begin and end of what was measured, ns of the system clock.
    :param spent: name -> processor seconds a second of those who watched.
    """
    latencies = _latencies(noted)
    blocks = {name: _blocks(latencies, own) for name, own in spans.items()}
    rows = []
    for name, own in blocks.items():
        values = np.concatenate(own)
        seconds = sum(1e-9 * (end - begin) for begin, end in spans[name])
        rows.append({'name': name, 'median_us': float(np.median(values)), 'p99_us': float(np.percentile(values, 99)),
                     'rate_hz': len(values) / seconds, 'watchers_cores': float(np.mean(spent[name]))})
    ratios, intervals = {}, {}
    for name in list(blocks)[1:]:
        kind = 'watched' if name == WATCHED else 'browsed'
        for figure, function in (('p50', np.median), ('p99', _p99)):
            key = f'{kind}_{figure}'
            ratios[key], intervals[key] = _ratio(blocks[name], blocks[ALONE], function)
        ratios[f'{kind}_rate'] = rows[list(blocks).index(name)]['rate_hz'] / rows[0]['rate_hz']
    return {'benchmark': 'view', 'rows': rows, 'ratios': ratios, 'ci95': intervals}


def _latencies(noted: dict) -> np.ndarray:
    """Return (N, 2): when the first command with the stamp of a picture was published (ns), and its latency in us."""
    taken = {stamp: published for stamp, published in noted['pictures']}
    rows = {}
    for stamp, published in noted['commands']:
        if stamp in taken:
            rows.setdefault(stamp, (published, 1e-3 * (published - taken[stamp])))
    return np.array(list(rows.values()), dtype=np.float64).reshape(-1, 2)


def _blocks(latencies: np.ndarray, spans: list[tuple[int, int]]) -> list[np.ndarray]:
    """Return the latencies of each whole second of the spans that has any."""
    blocks = []
    for begin, end in spans:
        for start in np.arange(begin, end - 0.5e9 * BLOCK_S, 1e9 * BLOCK_S):
            inside = (latencies[:, 0] >= start) & (latencies[:, 0] < min(start + 1e9 * BLOCK_S, end))
            if inside.any():
                blocks.append(latencies[inside, 1])
    if not blocks:
        raise InputError('no command answered a picture while it was measured; run the benchmark on an idle machine')
    return blocks


def _ratio(ours: list[np.ndarray], peer: list[np.ndarray], function: Callable) -> tuple[float, list[float]]:
    """Return the ratio of a figure of two lists of blocks, and its 95 % interval by resampling blocks."""
    rng = np.random.default_rng(0)

    def once(blocks: list[np.ndarray]) -> float:
        return float(function(np.concatenate([blocks[at] for at in rng.integers(0, len(blocks), len(blocks))])))
    spread = np.percentile([once(ours) / once(peer) for _ in range(RESAMPLES)], (2.5, 97.5))
    return float(function(np.concatenate(ours)) / function(np.concatenate(peer))), spread.tolist()


def _p99(values: np.ndarray) -> float:
    return float(np.percentile(values, 99))


def _wait_for(ready: Path, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready.exists():
        if time.monotonic() > deadline:
            raise InputError(f'the drive node gave no commands: {last_line(log)}')
        time.sleep(0.1)


@contextmanager
def _watching(name: str, folder: Path) -> Iterator[list[int]]:
    """Open a page, or none, while the body runs; gives the processes that watch."""
    if name == ALONE:
        yield []
        return
    with _view(folder) as (viewer, address):
        with _chromium(address) if name == BROWSED else _page(address) as browser:
            yield [viewer] + ([] if browser is None else [browser])


@contextmanager
def _view(folder: Path) -> Iterator[tuple[int, str]]:
    """Run ``liquid-control view`` on a free port; gives its process and address."""
    log = folder / 'view.log'
    with log.open('w') as errors:
        process = subprocess.Popen(
            [sys.executable, '-m', 'liquid_control', 'view', '--port', '0', '--namespace', NAMESPACE, '--out',
             str(folder)], env=environment(), stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
        try:
            line = process.stdout.readline()
            if 'http://' not in line:
                raise InputError(f'the page did not open: {last_line(log)}')
            yield process.pid, next(word for word in line.split() if word.startswith('http://'))
        finally:
            stop_process(process)


def _browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def _chromium(address: str) -> Iterator[int]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [_browser(), *BROWSER_OPTIONS, f'--user-data-dir={profile}', address], env=os.environ | {'HOME': profile},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait()


@contextmanager
def _page(address: str) -> Iterator[None]:
    """Talk to the server as a page does that shows why the command is as it is."""
    loop = asyncio.new_event_loop()
    talking = threading.Thread(target=loop.run_until_complete, args=(_talk(address),), daemon=True)
    talking.start()
    try:
        yield None
    finally:
        for task in asyncio.all_tasks(loop):
            loop.call_soon_threadsafe(task.cancel)
        talking.join()
        loop.close()


async def _talk(address: str) -> None:
    import aiohttp
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(f'{address}ws') as link:
            await link.send_str(json.dumps({'select': ['command', 0]}))
            async for message in link:
                if message.type is aiohttp.WSMsgType.BINARY:
                    length, = struct.unpack_from('>I', message.data)
                    number = json.loads(message.data[4:4 + length])['number']
                    await link.send_str(json.dumps({'ack': number}))
    except asyncio.CancelledError:
        pass


def _processor_s(pid: int) -> float:
    """Return the processor time of a process and its descendants, seconds."""
    tick, parents, times = os.sysconf('SC_CLK_TCK'), {}, {}
    for entry in Path('/proc').iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / 'stat').read_text().rsplit(')', 1)[1].split()
            except OSError:
                continue
            parents[int(entry.name)], times[int(entry.name)] = int(fields[1]), int(fields[11]) + int(fields[12])

    def belongs(process: int) -> bool:
        while process in parents:
            if process == pid:
                return True
            process = parents[process]
        return False
    return sum(used for process, used in times.items() if belongs(process)) / tick
