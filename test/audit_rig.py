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

"""A short drive in the fast simulator as a bag, and what talks to the page's server as a browser does."""
import asyncio
import json
import os
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from liquid_control.policy.compiling import Runner
from liquid_control.policy.policy_file import load_policy
from liquid_control.recording.bag import new_bag
from liquid_control.share import share_path
from liquid_control.simulation.fast_world import FastWorld
from liquid_control.simulation.track_spec import load_track

ROOT = Path(__file__).resolve().parents[1]
POLICY = 'models/ncp19.safetensors'
PERIOD_S = 1.0 / 30.0
START_NS = 1_000_000_000_000
PATIENCE_S = 60.0


def drive_into_bag(path: Path, pictures: int) -> list:
    """Let the shipped policy drive, write what it saw to a bag, and return its decisions."""
    world, runner = FastWorld(load_track('random:1000003'), 0), Runner(load_policy(share_path(POLICY)))
    world.reset(speed=2.0)
    decisions = []
    with new_bag(path) as bag:
        for tick in range(pictures):
            picture, imu, stamp = world.camera(), world.imu(), START_NS + round(1e9 * tick * PERIOD_S)
            bag.write_imu('/imu/data_raw', stamp, 'imu_link', imu[:3], imu[3:])
            bag.write_image('/camera/image_raw', stamp, 'camera', picture)
            decisions.append(runner.step(picture, imu, PERIOD_S))
            world.command(decisions[-1].steering_rad, decisions[-1].speed_mps)
            world.advance_to((tick + 1) * PERIOD_S)
    return decisions


@contextmanager
def view(*arguments: str, domain: int | None = None):
    """Run ``liquid-control view`` on a free port; gives its address. It must end well when interrupted."""
    environment = os.environ | {'OMP_NUM_THREADS': '1', 'PYTHONUNBUFFERED': '1', 'PYTHONPATH': os.pathsep.join(
        (str(ROOT), os.environ.get('PYTHONPATH', '')))}
    if domain is not None:
        environment |= {'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    process = subprocess.Popen(
        [sys.executable, '-m', 'liquid_control', 'view', '--port', '0', *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    watchdog = threading.Timer(PATIENCE_S, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
        assert 'http://' in line, process.stderr.read()
        watchdog.cancel()
        yield next(word for word in line.split() if word.startswith('http://'))
        assert process.poll() is None, process.stderr.read()
    finally:
        watchdog.cancel()
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0 and not said, said


class Page:
    """What a page does, without a browser: receives, acknowledges, asks."""

    def __init__(self, link: aiohttp.ClientWebSocketResponse) -> None:
        self.link = link
        self.frames: list[dict] = []
        self.acknowledges = True

    async def until(self, true, what: str) -> dict:
        """Receive until a message makes something true, and return that message."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while asyncio.get_running_loop().time() < deadline:
            try:
                received = await self.link.receive(1.0)
            except TimeoutError:
                continue
            assert received.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), received
            message = json.loads(received.data) if isinstance(received.data, str) else await self.frame(received.data)
            if true(message):
                return message
        raise AssertionError(f'waited in vain for {what}')

    async def frame(self, data: bytes) -> dict:
        """Read a frame; its picture and its saliency are under 'picture' and 'mask'."""
        length, = struct.unpack_from('>I', data)
        head = json.loads(data[4:4 + length])
        picture = data[4 + length:4 + length + head['jpeg']]
        self.frames.append(head | {'picture': picture, 'mask': data[4 + length + head['jpeg']:], 'bytes': len(data)})
        if self.acknowledges:
            await self.ask(ack=head['number'])
        return self.frames[-1]

    async def ask(self, **wishes) -> None:
        """Send wishes."""
        await self.link.send_str(json.dumps(wishes))

    async def kind(self, name: str, **wishes) -> dict:
        """Ask, and return the next message of a type."""
        if wishes:
            await self.ask(**wishes)
        return await self.until(lambda message: message['type'] == name, name)

    async def told(self, kind: str, index: int) -> dict:
        """Select something, and return what is told of it."""
        await self.ask(select=[kind, index])
        message = await self.until(lambda message: (message.get('kind'), message.get('index')) == (kind, index), kind)
        return message['told']


def with_page(address: str, talk) -> None:
    """Open the WebSocket of a page and run ``talk(page)``."""
    async def run() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f'{address}ws') as link:
            await talk(Page(link))
    asyncio.run(run())
