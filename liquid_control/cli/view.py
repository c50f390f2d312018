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

"""``liquid-control view``: the page of a running car, or of a recorded bag."""
import argparse
import asyncio
import os
import signal
import threading
from contextlib import contextmanager
from pathlib import Path

from liquid_control.errors import InputError

HELP = 'open a live web page of a running car: what it sees, thinks and does, and why'
NICE = 15
DEFAULT_POLICY = 'models/ncp19.safetensors'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('--bag', metavar='BAG', help='show a recorded bag instead of a running drive node')
    parser.add_argument('--policy', metavar='FILE',
                        help='policy file (default: the one that the drive node names; with --bag, the shipped one)')
    parser.add_argument('--namespace', metavar='NS', default='', help='namespace of the drive node (default: none)')
    parser.add_argument('--port', metavar='N', type=int, default=8080,
                        help='port of the page; 0 takes a free one (default: %(default)s)')
    parser.add_argument('--host', metavar='ADDRESS', default='127.0.0.1',
                        help='address to serve on; 0.0.0.0 lets a phone in the same network open the page '
                             '(default: %(default)s, this machine only)')
    parser.add_argument('--out', metavar='DIR', default='runs/view',
                        help='folder for saved moments (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from liquid_control.audit.moments import History
    from liquid_control.audit.server import listening_socket
    from liquid_control.audit.session import Source
    from liquid_control.cli.drive import find_policy
    if not 0 <= args.port <= 65535:
        raise InputError(f'port {args.port} is outside 0 to 65535; give one from 1024 to 65535, or 0 for a free one')
    name = args.policy or (DEFAULT_POLICY if args.bag else None)
    policy = None if name is None else find_policy(name)
    source = Source(History(), None, {'source': 'bag' if args.bag else 'live', 'policy': name or ''}, Path(args.out))
    feed = _bag(args.bag, policy, source) if args.bag else _drive(policy, source, args.namespace)
    with listening_socket(args.host, args.port) as listener, feed:
        host, port = listener.getsockname()[:2]
        shown = f'[{host}]' if ':' in host else host
        asyncio.run(_serve(source, listener, f'http://{shown}:{port}/'))
    return 0


async def _serve(source, listener, address: str) -> None:
    """Serve; Ctrl-C and SIGTERM end it."""
    from liquid_control.audit.server import serve
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        loop.add_signal_handler(number, stopped.set)
    await serve(source, listener, stopped, lambda: print(f'The page is at {address}  (Ctrl-C ends it)', flush=True))


def _step_back() -> None:
    """Leave the processor to the drive node: one thread of torch, low priority for every thread.

    On Linux each thread has a priority of its own, and those of DDS run already.
    """
    import torch
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    torch.set_num_threads(1)
    threads = Path('/proc/self/task')
    if threads.is_dir():
        for number in (int(thread.name) for thread in threads.iterdir()):
            os.setpriority(os.PRIO_PROCESS, number, os.getpriority(os.PRIO_PROCESS, number) + NICE)
    elif hasattr(os, 'nice'):
        os.nice(NICE)


@contextmanager
def _bag(bag: str, policy: Path, source):
    """Play a bag into the source while the body runs."""
    from liquid_control.audit.bag_player import check_bag, play_bag
    from liquid_control.audit.explaining import Explainer
    from liquid_control.policy.policy_file import load_policy
    check_bag(Path(bag))
    loaded = load_policy(policy)
    _step_back()
    source.explainer = Explainer(loaded)
    stopped = threading.Event()
    player = threading.Thread(target=play_bag, args=(Path(bag), source, stopped), name='bag', daemon=True)
    player.start()
    try:
        yield
    finally:
        stopped.set()
        player.join()


@contextmanager
def _drive(policy: Path | None, source, namespace: str):
    """Listen to a drive node while the body runs."""
    from liquid_control.nodes.processes import require_ros
    require_ros()
    import rclpy
    from rclpy.exceptions import InvalidNamespaceException
    from rclpy.signals import SignalHandlerOptions

    from liquid_control.nodes.keys import enclave
    from liquid_control.nodes.viewer import Viewer
    rclpy.init(args=['--ros-args', *enclave('view')], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = Viewer(source, policy, namespace)
    except InvalidNamespaceException as error:
        rclpy.try_shutdown()
        said = str(error).splitlines()[0]
        raise InputError(f"namespace '{namespace}' cannot be used ({said}); give one such as car1") from error
    _step_back()
    stopped = threading.Event()
    listener = threading.Thread(target=node.attend, args=(stopped,), name='ros', daemon=True)
    listener.start()
    try:
        yield
    finally:
        stopped.set()
        listener.join()
        node.destroy_node()
        rclpy.try_shutdown()
