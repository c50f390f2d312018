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

"""Work on a Ray cluster: the one place that starts Ray or connects to it. Ray is optional and imported here only."""

import contextlib
import os
import socket
from collections.abc import Iterator
from types import ModuleType

from liquid_control.errors import InputError

LOCAL = 'local'
REACH_S = 5.0


@contextlib.contextmanager
def ray_cluster(address: str, cpus: int | None = None) -> Iterator[ModuleType]:
    """Give the module ``ray``, connected to a cluster until the end of the block; a connection that exists is used.

    A local cluster listens on the loopback interface only and ends with the block. Usage statistics are never sent.

    :param address: of a running cluster, such as ``10.0.0.5:6379`` or ``auto``, or ``local`` to start one here.
    :param cpus: of a local cluster; all cores by default.
    :raises InputError: if Ray is not installed or there is no cluster at the address.
    """
    _check_reachable(address)
    os.environ['RAY_USAGE_STATS_ENABLED'] = '0'
    if address == LOCAL:
        # Despite its name it acts on Linux too: without it, Ray's servers listen on every interface (Ray 2.60).
        os.environ['RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER'] = '0'
    try:
        import ray
    except ImportError as error:
        raise InputError(f"--ray {address} needs the package ray; pip install 'liquid_control[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    _connect(ray, address, cpus)
    try:
        yield ray
    finally:
        ray.shutdown()


def cpus_of(ray: ModuleType) -> int:
    """Return how many CPUs the cluster has."""
    return int(ray.cluster_resources().get('CPU', 0))


def _check_reachable(address: str) -> None:
    """Find out in seconds what Ray finds out in two minutes: whether anything listens at HOST:PORT."""
    host, colon, port = address.removeprefix('ray://').rpartition(':')
    if not colon:
        if address not in (LOCAL, 'auto'):
            raise InputError(f"Ray address '{address}' is not HOST:PORT, auto or local; give one of these")
        return
    try:
        socket.create_connection((host, int(port)), REACH_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> InputError:
    reason = ' '.join(str(error).split())[:200]
    return InputError(f"no Ray cluster answers at '{address}' ({reason}); give the address of one, or local")


def _connect(ray: ModuleType, address: str, cpus: int | None) -> None:
    options = {'log_to_driver': False, 'logging_level': 'ERROR'}
    if address == LOCAL:
        options |= {'num_cpus': cpus or os.cpu_count(), 'include_dashboard': False}
    try:
        ray.init(address=address, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, error) from error
