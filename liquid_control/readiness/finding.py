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

"""What one check found."""
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """Whether a check found what it should."""

    OK = 'ok'
    WRONG = 'wrong'
    SKIPPED = 'skipped'
    """It could not be made yet, or has nothing to say about this car."""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    :param check: what was looked at.
    :param said: what was found.
    :param remedy: what to do about it; empty unless it is wrong.
    """

    check: str
    level: Level
    said: str
    remedy: str = ''


def ok(check: str, said: str) -> Finding:
    """Return a finding of something as it should be."""
    return Finding(check, Level.OK, said)


def wrong(check: str, said: str, remedy: str) -> Finding:
    """Return a finding that keeps the car from driving as it should."""
    return Finding(check, Level.WRONG, said, remedy)


def skipped(check: str, said: str) -> Finding:
    """Return that a check could not be made."""
    return Finding(check, Level.SKIPPED, said)
