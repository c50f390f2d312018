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

"""Where a study keeps what is done, so that a killed one goes on: every file is written whole or not at all."""

import json
from pathlib import Path

from liquid_control.errors import InputError
from liquid_control.evaluation.study.plan import Plan
from liquid_control.whole_file import write_whole


class Folder:
    """The folder of one study."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def claim(self, plan: Plan) -> None:
        """Begin a study here, or go on with the one that was begun.

        :raises InputError: if the folder holds a study with another plan.
        """
        path = self.root / 'plan.json'
        if not path.exists():
            write_json_whole(path, plan.to_json())
        elif read_json(path) != plan.to_json():
            raise InputError(
                f"folder '{self.root}' holds a study with other options; give the same options to go on with it, "
                'or another folder'
            )

    def data(self, seed: int) -> Path:
        """Return the folder with what the networks of a seed learn from."""
        return self.root / 'data' / f'seed_{seed}'

    def policy(self, seed: int, cell: str) -> Path:
        """Return the policy that a cell learned."""
        return self.root / 'policies' / f'seed_{seed}_{cell}.safetensors'

    def candidate(self, cell: str, rate: float) -> Path:
        """Return how well a cell drove that learned at a rate, on the development tracks."""
        return self.root / 'rates' / f'{cell}_{rate:g}.json'

    def driven(self, seed: int, cell: str) -> Path:
        """Return the episodes of a policy in the fast simulator."""
        return self.root / 'driven' / f'seed_{seed}_{cell}.json'

    def mujoco(self, seed: int, cell: str) -> Path:
        """Return the episodes of a policy in MuJoCo."""
        return self.root / 'mujoco' / f'seed_{seed}_{cell}.json'

    def costs(self) -> Path:
        """Return what each network needs for a step."""
        return self.root / 'costs.json'


def read_json(path: Path) -> dict | list:
    """Return what a JSON file of a study holds.

    :raises InputError: if it is not one.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"'{path}' is not a JSON file of a study ({error}); remove it to do its part again"
        ) from error


def write_json_whole(path: Path, content: dict | list) -> None:
    """Write a JSON file, whole or not at all."""
    write_whole(path, (json.dumps(content, indent=1, allow_nan=False) + '\n').encode())
