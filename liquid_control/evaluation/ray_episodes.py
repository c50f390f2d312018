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

"""Episodes on a Ray cluster."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from liquid_control.evaluation.job import Job, drive_job
from liquid_control.ray_cluster import ray_cluster


@dataclass(frozen=True)
class Contents:
    """A file of this machine as another machine gets it."""

    name: str
    content: bytes

    def here(self) -> str:
        """Return the path of a copy on the machine that asks."""
        folder = Path(tempfile.gettempdir()) / f'liquid_control_{os.getuid()}'
        path = folder / hashlib.sha256(self.content).hexdigest() / self.name
        if not path.is_file() or path.read_bytes() != self.content:
            from liquid_control.whole_file import write_whole

            write_whole(path, self.content)
        return str(path)


def drive_on_ray(jobs: list[Job], address: str, on_episode: Callable[[dict], None] | None) -> list[dict]:
    """Drive episodes as tasks of a cluster, on which liquid_control must be installed; return their rows in order.

    Policies and centre lines travel with the tasks. The rows are those that this machine would give.

    :raises InputError: if there is no such cluster.
    """
    rows: list[dict | None] = [None] * len(jobs)
    with ray_cluster(address) as ray:
        files = {path: ray.put(contents) for path, contents in _files(jobs).items()}
        task = ray.remote(num_cpus=1)(_drive)
        places = {task.remote(job, files[job.policy], files.get(job.track)): i for i, job in enumerate(jobs)}
        waiting = list(places)
        while waiting:
            done, waiting = ray.wait(waiting)
            for reference in done:
                rows[places[reference]] = row = ray.get(reference)
                if on_episode is not None:
                    on_episode(row)
    return rows


def _files(jobs: list[Job]) -> dict[str, Contents]:
    paths = {job.policy for job in jobs} | {job.track for job in jobs if Path(job.track).is_file()}
    return {path: Contents(Path(path).name, Path(path).read_bytes()) for path in paths}


def _drive(job: Job, policy: Contents, track: Contents | None) -> dict:
    """Drive one episode with copies of its files and name the files in its row as the job does."""
    import torch

    torch.set_num_threads(1)
    here = replace(job, policy=policy.here(), track=job.track if track is None else track.here())
    return drive_job(here) | {'policy': job.policy, 'track': job.track}
