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
"""The decisions of a black box taken again: same pictures, same IMU, same state, same policy, compared bit for bit."""
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from liquid_control.errors import InputError
from liquid_control.policy.compiling import Decision, Runner
from liquid_control.recording.black_box_bag import StepRead, TickRead
from liquid_control.sensing.picture import picture_of


@dataclass(frozen=True)
class Again:
    """One step of the policy taken again.

    :param tick: as the box holds it.
    :param decision: what the policy answers now; None for a step that could only be gone on from.
    :param difference: what is not the same, in words; empty if every bit is.
    """

    tick: TickRead
    decision: Decision | None
    difference: str


def take_again(ticks: list[TickRead], runners: dict[str, Runner],
               on_step: Callable[[int], None] = lambda _step: None) -> list[Again]:
    """Show the policies what they saw then and compare every step with what the box says.

    The policy starts where the box has a step that began from the initial state; the oldest step of a box that begins
    in the middle of a drive only gives its state, from which the next one goes on.

    :param runners: policies by the SHA-256 of their files.
    :param on_step: called after each step with its number.
    :raises InputError: if a policy of the box is missing.
    """
    steps = [tick for tick in ticks if tick.step is not None]
    missing = {tick.step.policy for tick in steps} - set(runners)
    if missing:
        raise InputError(f'the box was written by a policy of SHA-256 {min(missing)}, which is not here; '
                         'give its file with --policy')
    taken, sequence = [], None
    for number, tick in enumerate(steps):
        runner = runners[tick.step.policy]
        if tick.step.fresh:
            runner.reset()
        known = tick.step.fresh or sequence == tick.step.policy
        taken.append(_again(tick, runner) if known else Again(tick, None, ''))
        if not known:
            runner.resume(tick.step.neurons)
        sequence = tick.step.policy
        on_step(number)
    return taken


def _again(tick: TickRead, runner: Runner) -> Again:
    step = tick.step
    if step.picture is None:
        return Again(tick, None, 'the picture is missing')
    try:
        pixels = np.array(picture_of(step.picture))  # what the library gives cannot be written to
    except InputError as error:
        return Again(tick, None, str(error))
    decision = runner.step(pixels, step.imu, step.elapsed_s)
    found = ['the picture is not what the policy saw'] if zlib.crc32(pixels) != step.crc32 else []
    return Again(tick, decision, ', '.join(found + _differences(step, decision)))


def _differences(step: StepRead, decision: Decision) -> list[str]:
    """Return what differs, by the bits; a state that is not finite counts as no command, as it does in the car."""
    finite = np.isfinite(decision.neurons).all()
    steering, speed = (decision.steering_rad, decision.speed_mps) if finite else (np.nan, np.nan)
    pairs = (('steering', step.command.steering_rad, steering), ('speed', step.command.speed_mps, speed),
             ('neurons', step.neurons, decision.neurons),
             ('time constants', step.time_constants, decision.time_constants))
    return [f'{name} differ' if name.endswith('s') else f'{name} {then!r} then, {now!r} now'
            for name, then, now in pairs if np.asarray(then).tobytes() != np.asarray(now).tobytes()]
