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

"""What happens to driving when a neuron is silenced or a synapse is cut."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from liquid_control.audit.fleet_drive import Course, FleetDrive
from liquid_control.audit.lesions import INTACT, Lesion, LesionedNetworks
from liquid_control.policy.driving_policy import DrivingPolicy

CARS_AT_ONCE = 128


@dataclass(frozen=True)
class Effect:
    """How one variant drove, over all tracks.

    :param completed: how many laps of ``tracks``; ``progress``: mean part of the lap, 0..1.
    :param change_m: how far the drive is from the intact network's, metres: mean over all 0.25 m of the laps of the
        difference of the distances from the centre line; where the car did not come, half the road's width.
    """

    lesion: Lesion
    tracks: int
    completed: int
    progress: float
    mean_abs_lateral_m: float
    change_m: float


def drive_lesions(policy: DrivingPolicy, course: Course, lesions: list[Lesion],
                  on_progress: Callable[[float], None] = lambda _part: None) -> list[Effect]:
    """Drive every track with the intact network, which comes first in the answer, and with each lesion.

    :param on_progress: called with the part of the work that is done, 0..1.
    """
    variants = [INTACT, *(lesion for lesion in lesions if lesion != INTACT)]
    size = max(1, CARS_AT_ONCE // len(course.tracks))
    chunks = [variants[start:start + size] for start in range(0, len(variants), size)]
    effects: list[Effect] = []
    intact: np.ndarray | None = None
    for chunk in chunks:
        done = len(effects) / len(variants)
        share = len(chunk) / len(variants)
        drive = course.drive(policy, LesionedNetworks(policy.network, chunk), len(chunk),
                             lambda part, done=done, share=share: on_progress(done + share * part))
        intact = drive.lateral_m[0] if intact is None else intact
        changes = changes_m(drive, intact, course)
        lateral = drive.mean_abs_lateral_m()
        effects += [
            Effect(lesion, len(course.tracks), int(drive.completed[row].sum()), float(drive.progress[row].mean()),
                   float(lateral[row]), float(changes[row])) for row, lesion in enumerate(chunk)]
    on_progress(1.0)
    return effects


def changes_m(drive: FleetDrive, reference: np.ndarray, course: Course) -> np.ndarray:
    """Return ``Effect.change_m`` of each variant (V,) against the lateral offsets (K, C) of a reference drive."""
    half = np.array([0.5 * float((track.half_width_left + track.half_width_right).mean()) for track in course.tracks])
    change = np.abs(drive.lateral_m - reference)
    not_there = np.isnan(drive.lateral_m) & ~np.isnan(reference)
    change = np.where(not_there, half[:, None], change)
    return np.nanmean(change, axis=(1, 2))
