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

"""What one open page is sent, and when: never more than its link and its browser take."""
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from liquid_control.audit.live_adaptation import adaptation, twin_differences
from liquid_control.audit.explaining import Explainer
from liquid_control.audit.frames import QUALITIES, frame, timeline, to_text
from liquid_control.audit.moment_bag import save_moment
from liquid_control.audit.moments import History, Moment
from liquid_control.errors import InputError

FRAME_S = 1.0 / 12.0
IN_FLIGHT = 2
SLOW_S, FAST_S = 0.35, 0.12
FAST_FRAMES = 24
STATUS_S = 1.0
DETAIL_S = 0.7
LOST_S = 5.0


class Source:
    """What pages are fed from.

    :param folder: where moments are saved.
    :ivar explainer: of the policy that drives; None while there is none.
    :ivar status: what the page shows beside the drive; replaced as a whole, never changed.
    """

    def __init__(self, history: History, explainer: Explainer | None, status: dict[str, Any], folder: Path) -> None:
        self.history, self.explainer, self.status, self.folder = history, explainer, status, folder
        self.worker = ThreadPoolExecutor(1, 'explain')


class Session:
    """One page.

    The page acknowledges each frame that it has drawn. At most two frames are on their way; what comes meanwhile is
    dropped, so a slow link shows fewer frames, none of them late. When an acknowledgement takes long, frames
    get smaller.

    :param send_text, send_bytes: send a message to the page.
    """

    def __init__(self, source: Source, send_text: Callable[[str], Awaitable[None]],
                 send_bytes: Callable[[bytes], Awaitable[None]]) -> None:
        self._source, self._send_text, self._send_bytes = source, send_text, send_bytes
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._frozen: list[Moment] | None = None
        self._place = -1
        self._selected: tuple[str, int] | None = None
        self._saliency = True
        self._sent: dict[int, float] = {}
        self._drawn = -1
        self._quality, self._fast = 0, 0
        self._explainer: Explainer | None = None
        self._wants_timeline = self._wants_detail = self._stale = True
        self._wants_save = False
        self._status_s = self._frame_s = self._detail_s = 0.0

    async def run(self) -> None:
        """Send what is due until cancelled."""
        end = self._source.history.listen(lambda: self._loop.call_soon_threadsafe(self._wake.set))
        try:
            await self._hello()
            while True:
                await self._send_due(time.monotonic())
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wake.wait(), 0.25)
                except TimeoutError:
                    pass
                await asyncio.sleep(max(0.0, self._frame_s + FRAME_S - time.monotonic()) if not self._frozen else 0.0)
        finally:
            end()

    def hear(self, text: str) -> None:
        """Take a message from the page; what cannot be meant is ignored."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        for name, value in message.items():
            take = getattr(self, f'_take_{name}', None)
            if take is not None:
                take(value)
        self._wake.set()

    # What the page asks for

    def _take_ack(self, number: Any) -> None:
        sent = self._sent.pop(number, None) if isinstance(number, int) else None
        if sent is None:
            return
        took = time.monotonic() - sent
        if took > SLOW_S:
            self._quality, self._fast = min(self._quality + 1, len(QUALITIES) - 1), 0
        elif took < FAST_S:
            self._fast += 1
            if self._fast >= FAST_FRAMES and self._quality > 0:
                self._quality, self._fast = self._quality - 1, 0

    def _take_pause(self, paused: Any) -> None:
        if paused is True and self._frozen is None:
            self._frozen = self._source.history.moments()
            self._place = len(self._frozen) - 1
        elif paused is False:
            self._frozen = None
        self._wants_timeline = self._wants_detail = self._stale = True

    def _take_seek(self, share: Any) -> None:
        if self._frozen and isinstance(share, int | float) and 0.0 <= share <= 1.0:
            self._place = round(share * (len(self._frozen) - 1))
            self._wants_detail = self._stale = True

    def _take_select(self, what: Any) -> None:
        self._selected = None
        if isinstance(what, list) and len(what) == 2 and isinstance(what[0], str) and isinstance(what[1], int):
            self._selected = what[0], what[1]
        self._wants_detail = self._wants_timeline = True

    def _take_saliency(self, wanted: Any) -> None:
        self._saliency = wanted is True
        self._stale = True

    def _take_save(self, _value: Any) -> None:
        self._wants_save = True

    # What is sent

    async def _hello(self) -> None:
        self._explainer = self._source.explainer
        wiring = None if self._explainer is None else await self._compute(self._explainer.wiring)
        await self._send({'type': 'hello', 'wiring': wiring})

    async def _send_due(self, now: float) -> None:
        if self._source.explainer is not self._explainer:
            self._frozen = None
            await self._hello()
        if now >= self._status_s + STATUS_S:
            self._status_s = now
            await self._send_status()
        if self._wants_save:
            self._wants_save = False
            await self._save()
        if self._wants_timeline:
            self._wants_timeline = False
            neuron = self._selected[1] if self._selected and self._selected[0] == 'neuron' else None
            await self._send(await self._compute(timeline, self._moments(), neuron))
        moment = self._shown()
        if moment is not None:
            await self._send_frame(moment, now)
            await self._send_detail(moment, now)

    async def _send_status(self) -> None:
        moments = self._moments()
        twins, adapts = None, {'turn': None, 'light': None}
        if self._explainer is not None:
            policy = self._explainer.policy
            twins = await self._compute(twin_differences, policy, moments)
            adapts = await self._compute(adaptation, moments, policy.spec.max_steering_rad)
        await self._send({'type': 'status', 'status': self._source.status, 'quality': self._quality, 'twins': twins,
                          'adaptation': adapts})

    async def _send_frame(self, moment: Moment, now: float) -> None:
        self._sent = {number: sent for number, sent in self._sent.items() if now < sent + LOST_S}
        if len(self._sent) >= IN_FLIGHT or (moment.number == self._drawn and not self._stale):
            return
        moments = self._frozen
        place, count = (self._place, len(moments)) if moments else (-1, 0)
        self._stale, self._drawn, self._frame_s = False, moment.number, now
        quality = QUALITIES[self._quality]
        data = await self._compute(frame, moment, self._explainer, quality, self._saliency, place, count)
        self._sent[moment.number] = time.monotonic()
        await self._send_bytes(data)

    async def _send_detail(self, moment: Moment, now: float) -> None:
        live = self._frozen is None and now >= self._detail_s + DETAIL_S
        if self._selected is None or self._explainer is None or not (self._wants_detail or live):
            return
        self._wants_detail, self._detail_s = False, now
        kind, index = self._selected
        explain = {'neuron': self._explainer.neuron, 'feature': self._explainer.feature}.get(kind)
        if explain is not None:
            told = await self._compute(explain, moment, index)
        else:
            told = await self._compute(self._explainer.command, moment)
        await self._send({'type': 'detail', 'kind': kind, 'index': index, 'number': moment.number, 'told': told})

    async def _save(self) -> None:
        shown, moments = self._shown(), self._moments()
        if shown is None:
            await self._send({'type': 'saved', 'error': 'nothing has been seen yet'})
            return
        try:
            path, pictures = await self._compute(save_moment, self._source.history, moments, shown, self._source.folder)
        except InputError as error:
            await self._send({'type': 'saved', 'error': str(error)})
            return
        await self._send({'type': 'saved', 'path': str(path), 'pictures': pictures})

    def _moments(self) -> list[Moment]:
        return self._source.history.moments() if self._frozen is None else self._frozen

    def _shown(self) -> Moment | None:
        if self._frozen is None:
            return self._source.history.latest()
        return self._frozen[self._place] if self._frozen else None

    async def _compute(self, function: Callable, *arguments: Any) -> Any:
        """Call a function in the worker, which does one thing at a time and so never takes more than one core."""
        return await self._loop.run_in_executor(self._source.worker, function, *arguments)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_text(to_text(message))
