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

"""Faults of the trainer, which records."""
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from liquid_control.evaluation.faults.table import Fault
from liquid_control.evaluation.faults.verdict import Outcome
from liquid_control.nodes.faults.bench import Bench
from liquid_control.nodes.faults.injection import begun, ended
from liquid_control.recording.sample_bag import count_samples, read_new

DISK_BYTES = 2_000_000
MOUNT = f'mount -t tmpfs -o size={DISK_BYTES} faults "$0" && exec "$@"'
SAMPLES = 40


def disk_full(bench: Bench, fault: Fault) -> Outcome:
    """Inject: the trainer's folder is on a file system of 2 MB, in a mount namespace of its own."""
    folder = Path(tempfile.mkdtemp(prefix='full_', dir=bench.folder))
    before = _small_disk(folder)
    begin = begun(bench)
    trainer = _trainer(bench, folder, before)
    full = bench.waits(lambda: 'stopped' in bench.said('trainer') or trainer.poll() is not None, 60.0)
    time.sleep(1.0)
    outcome = ended(bench, fault, begin)
    # Inside a namespace of its own, the folder is seen through the process that is in it.
    inside = Path(f'/proc/{trainer.pid}/root{folder}') if before[0] == 'unshare' else folder
    written = [sample.number for bag in sorted((inside / 'bags').iterdir()) for sample in read_new(bag, 0)]
    outcome.notes.append(f'{len(written)} samples readable; disk: {before[0]}')
    outcome.problems += [] if full and trainer.poll() is None else ['recording did not stop with an error']
    outcome.problems += [] if written and written == list(range(1, len(written) + 1)) else ['samples are lost']
    outcome.problems += _ends(trainer)
    return outcome


def trainer_killed(bench: Bench, fault: Fault) -> Outcome:
    """SIGKILL while samples are written; the next start finishes the bag."""
    folder = Path(tempfile.mkdtemp(prefix='killed_', dir=bench.folder))
    begin = begun(bench)
    trainer = _trainer(bench, folder)
    bench.until(lambda: int(bench.value('samples', 'trainer') or 0) > SAMPLES, 'samples')
    told = int(bench.value('samples', 'trainer'))
    trainer.send_signal(signal.SIGKILL)
    trainer.wait()
    written = [sample.number for bag in sorted((folder / 'bags').iterdir()) for sample in read_new(bag, 0)]
    trainer = _trainer(bench, folder)
    bench.until(lambda: int(bench.value('samples', 'trainer') or 0) >= len(written), 'the recovered samples')
    outcome = ended(bench, fault, begin)
    outcome.problems += _ends(trainer)
    outcome.notes.append(f'{told} samples told, {len(written)} found after the kill, '
                         f'{count_samples(folder / "bags").samples} in the end')
    whole = len(written) >= told and written == list(range(1, len(written) + 1))
    outcome.problems += [] if whole and count_samples(folder / 'bags').samples >= len(written) else ['samples are lost']
    return outcome


def _trainer(bench: Bench, folder: Path, before: tuple[str, ...] = ()):
    """Start a trainer that records while the policy drives."""
    bench.relay.status.pop('trainer', None)
    return bench.start('trainer', {'folder': folder, 'teacher': 'human', 'policy': bench.policy, 'use_sim_time': True},
                       before=before)


def _small_disk(folder: Path) -> tuple[str, ...]:
    """Return a command that gives what it runs a small disk; without the right to mount, files that cannot grow."""
    mount = ('unshare', '-Urm', 'sh', '-c', MOUNT, str(folder))
    if shutil.which('unshare') and subprocess.run([*mount, 'true'], capture_output=True).returncode == 0:
        return mount
    return ('prlimit', f'--fsize={DISK_BYTES}')


def _ends(trainer: subprocess.Popen) -> list[str]:
    trainer.terminate()
    code = trainer.wait(30.0)
    return [] if code == 0 else [f'the trainer ended with {code}']
