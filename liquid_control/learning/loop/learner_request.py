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

"""What the learner is asked for."""
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liquid_control.errors import InputError
from liquid_control.learning.loop.plan import Plan
from liquid_control.learning.loop.work_folder import WorkFolder
from liquid_control.policy.heads import PICTURE_SIZES
from liquid_control.policy.spec import CELLS


WAYS_TO_LEARN = ('imitation', 'fptt')


@dataclass(frozen=True)
class Request:
    """A policy to learn.

    :param bags: folder of the bags of samples; all in it are learned from.
    :param recordings: other recorded drives.
    :param start: policy file to go on from, or None to begin with an untrained policy of ``cell`` and ``head``.
    :param seconds: time to learn, or None for ``steps`` gradient steps, which a seed and the same samples repeat.
    :param learn: 'imitation' or 'fptt', see ``Plan``.
    :param out: policy file to write.
    :param round: of the loop, for the record.
    """

    bags: Path
    recordings: tuple[str, ...]
    start: Path | None
    cell: str
    head: str
    seed: int
    seconds: float | None
    steps: int | None
    out: Path
    round: int
    learn: str = 'imitation'


def make_request(plan: Plan, folder: WorkFolder, round_: int, start: Path | None) -> dict[str, Any]:
    """Return what a loop asks in a round, as the JSON object within {'learn': {...}}.

    :param start: policy file to go on from, None to begin with an untrained policy.
    """
    return {
        'bags': str(folder.bags), 'recordings': list(plan.recordings), 'start': str(start or ''), 'cell': plan.cell,
        'head': plan.head, 'seed': plan.seed, 'seconds': plan.learn_s, 'out': str(folder.candidate(round_)),
        'round': round_, 'learn': plan.learn}


def parse_request(line: Any) -> Request:
    """Return the request that a JSON object {'learn': {...}} makes.

    :raises InputError: if something is missing or out of range.
    """
    asked = line.get('learn') if isinstance(line, dict) else None
    if not isinstance(asked, dict):
        raise InputError("the learner was told something that is no request; say {'learn': {...}}")
    try:
        steps = asked.get('steps')
        request = Request(
            Path(asked['bags']), tuple(map(str, asked.get('recordings', ()))),
            Path(asked['start']) if asked.get('start') else None, str(asked.get('cell', 'ltc')),
            str(asked.get('head', 'small')), int(asked.get('seed', 0)),
            None if steps else float(asked['seconds']), int(steps) if steps else None, Path(asked['out']),
            int(asked.get('round', 0)), str(asked.get('learn', 'imitation')))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f'the learner was asked without a usable {error}; give bags, seconds and out') from error
    _check(request)
    return request


def _check(request: Request) -> None:
    if request.learn not in WAYS_TO_LEARN:
        raise InputError(f"learn '{request.learn}' is not one of {', '.join(WAYS_TO_LEARN)}; give one of these")
    if request.learn == 'fptt' and request.start is None:
        raise InputError("learn 'fptt' goes on from a policy and there is none; give one, or learn by 'imitation'")
    if request.cell not in CELLS:
        raise InputError(f"cell '{request.cell}' is not one of {', '.join(CELLS)}; give one of these")
    if request.head not in PICTURE_SIZES:
        raise InputError(f"head '{request.head}' is not one of {', '.join(PICTURE_SIZES)}; give one of these")
    if not 0 <= request.seed < 2**31:
        raise InputError(f'seed {request.seed} is outside 0 to 2147483647; give another seed')
    if request.seconds is not None and not 0.1 <= request.seconds <= 86400.0:
        raise InputError(f'{request.seconds:g} s of learning are outside 0.1 to 86400; give another time')
    if request.steps is not None and not 1 <= request.steps <= 10**7:
        raise InputError(f'{request.steps} steps of learning are outside 1 to 10000000; give another number')
