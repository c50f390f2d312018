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

"""Where ``train`` says what it is doing: a progress bar, a CSV file and TensorBoard."""

import csv
from pathlib import Path

from liquid_control.cli.output import make_folder
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError


class Log:
    """Takes the reports of learning (``learning.run.Progress``).

    :param path: the CSV file; with ``append`` it is continued.
    :param tensorboard: folder of the TensorBoard logs; None writes none.
    :raises InputError: if TensorBoard logs are asked for and tensorboard is not installed.
    """

    def __init__(self, path: Path, append: bool = False, tensorboard: Path | None = None) -> None:
        self._path, self._append = path, append and path.is_file()
        self._board = None if tensorboard is None else open_tensorboard(tensorboard)

    def __enter__(self) -> 'Log':
        self._bar = progress(1.0, 'Learning').__enter__()
        self._file = self._path.open('a' if self._append else 'w', newline='')
        self._writer = None
        return self

    def __call__(self, report) -> None:
        """Take one report."""
        row = {name: round(value, 5) if isinstance(value, float) else value for name, value in vars(report).items()}
        self._write_row(row)
        if self._board is not None:
            for name, value in row.items():
                if name != 'frames' and value is not None:
                    self._board.add_scalar(f'train/{name}', value, report.frames)
        trial = '' if report.trial_completed is None else f'  completes {report.trial_completed:.0%} of laps'
        self._bar.update(report.spent, f'{report.frames} frames  error {report.loss:.4f}{trial}')

    def __exit__(self, *error) -> None:
        self._bar.__exit__(*error)
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _write_row(self, row: dict) -> None:
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, row.keys())
            if not self._append:
                self._writer.writeheader()
        self._writer.writerow(row)
        self._file.flush()


def open_tensorboard(folder: Path):
    """Return a writer of TensorBoard logs.

    :raises InputError: if tensorboard is not installed or the folder cannot be made.
    """
    make_folder(folder)
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            f"--tensorboard '{folder}' needs the package tensorboard; pip install 'liquid_control[learning]'"
        ) from error
    return SummaryWriter(str(folder))
