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

"""The page of a running car, over HTTP and one WebSocket for each browser; no ROS here."""
import asyncio
import errno
import ipaddress
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from liquid_control.audit.session import Session, Source
from liquid_control.errors import InputError

try:
    from aiohttp import WSCloseCode, web
except ImportError as error:
    raise InputError(f"the page needs the Python library aiohttp ({error}); pip install 'liquid_control[view]'"
                     ) from error

PAGE = Path(__file__).parent / 'page'
LARGEST_REQUEST = 4096
HEARTBEAT_S = 20.0
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
                               "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cache-Control': 'no-cache'}
SOURCE = web.AppKey('source', Source)
OPEN = web.AppKey('open', set)


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes any free one.

    :raises InputError: if the port is taken or may not be used.
    """
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        if getattr(error, 'errno', None) == errno.EADDRINUSE:
            raise InputError(f'port {port} of {host} is taken; give another with --port') from error
        raise InputError(f"the page cannot be served on '{host}' port {port} ({error}); "
                         'give an address of this machine and a port from 1024 to 65535') from error
    return listener


def application(source: Source) -> web.Application:
    """Return the server of one source."""
    app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[_only_here])
    app[SOURCE], app[OPEN] = source, set()
    app.router.add_get('/', _index)
    app.router.add_get('/ws', _socket)
    app.router.add_static('/page/', PAGE)
    app.on_response_prepare.append(_harden)
    app.on_shutdown.append(_close_all)
    return app


async def serve(source: Source, listener: socket.socket, stopped: asyncio.Event,
                ready: Callable[[], Any] = lambda: None) -> None:
    """Serve until ``stopped``; ``ready`` is called when pages can be opened."""
    runner = web.AppRunner(application(source), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        ready()
        await stopped.wait()
    finally:
        await runner.cleanup()


@web.middleware
async def _only_here(request: web.Request, handler: Callable) -> web.StreamResponse:
    """Refuse what is asked for by a foreign name: one that its owner lets point here (DNS rebinding)."""
    if not _is_own_name(request.host):
        raise web.HTTPForbidden(text='open this page by its address, by localhost or by the name of its machine')
    return await handler(request)


def _is_own_name(host: str) -> bool:
    name = urlsplit(f'//{host}').hostname or ''
    own = socket.gethostname().lower()
    if name in ('localhost', own, own.partition('.')[0], f"{own.partition('.')[0]}.local"):
        return True
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


async def _index(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / 'index.html')


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


async def _socket(request: web.Request) -> web.WebSocketResponse:
    """Talk to one page. A page of another site, which a browser would also let in, is refused."""
    origin = request.headers.get('Origin')
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text='this page is of another site')
    link = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=LARGEST_REQUEST)
    await link.prepare(request)
    request.app[OPEN].add(link)
    session = Session(request.app[SOURCE], link.send_str, link.send_bytes)
    sender = asyncio.create_task(_talk(session, link))
    try:
        async for message in link:
            if message.type is web.WSMsgType.TEXT:
                session.hear(message.data)
    finally:
        request.app[OPEN].discard(link)
        sender.cancel()
        with suppress(asyncio.CancelledError):
            await sender
    return link


async def _talk(session: Session, link: web.WebSocketResponse) -> None:
    """Send until the page is gone; when something goes wrong, say so and let the page open anew."""
    try:
        await session.run()
    except ConnectionError:
        pass
    except Exception as error:  # noqa: B902 one page must not end the others
        print(f'error: a page was closed: {type(error).__name__}: {error}', file=sys.stderr, flush=True)
    await link.close()


async def _close_all(app: web.Application) -> None:
    for link in list(app[OPEN]):
        await link.close(code=WSCloseCode.GOING_AWAY, message=b'the view ends')
