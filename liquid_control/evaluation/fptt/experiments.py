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
"""The experiments about FPTT as parts that can be done in any order and need not be done twice."""

from collections.abc import Callable, Iterable
from pathlib import Path

from liquid_control.evaluation.fptt.adapting import adapt_and_drive
from liquid_control.evaluation.fptt.adding import learn_adding
from liquid_control.evaluation.fptt.digits import learn_digits
from liquid_control.evaluation.fptt.memory import measure
from liquid_control.evaluation.study.folder import read_json, write_json_whole
from liquid_control.evaluation.study.jobs import Part, run_parts

TASKS: dict[str, Callable[..., dict]] = {
    'adding': learn_adding, 'digits': learn_digits, 'memory': measure, 'adapt': adapt_and_drive}


def parts_of(task: str, cases: Iterable[dict], root: Path) -> list[Part]:
    """Return a part for each case, the arguments of a task; its row is kept under the folder."""
    parts = []
    for case in cases:
        words = [Path(str(value)).stem if key == 'policy' else str(value) for key, value in case.items()]
        path = root / task / ('_'.join(words) + '.json')
        parts.append(Part(' '.join(words), _do, (task, case, path), path))
    return parts


def rows_of(parts: list[Part], workers: int, on_done: Callable[[Part], None]) -> list[dict]:
    """Do what is left of the parts and return their rows, in the order of the parts."""
    run_parts(parts, workers, on_done)
    return [read_json(part.result) for part in parts]


def _do(task: str, case: dict, path: Path) -> None:
    write_json_whole(path, TASKS[task](**case))
