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

"""Whether the policy fits the camera, the rate and this machine."""
import numpy as np

from liquid_control.policy.heads import PICTURE_SIZES
from liquid_control.policy.spec import PolicySpec
from liquid_control.readiness.finding import Finding, ok, skipped, wrong
from liquid_control.readiness.observation import Observation
from liquid_control.simulation.car import default_car

MIN_RESOLUTION = 0.9
MAX_STRETCH = 1.2
MAX_RATE_FACTOR = 1.5
MAX_STEP_SHARE = 0.5


def check_policy_file(seen: Observation) -> Finding:
    """Check that the policy file can be used."""
    if seen.policy is None:
        return wrong('policy', seen.policy_trouble, 'set the parameter policy to a file that this version reads')
    spec = seen.policy.spec
    return ok('policy', f'{seen.settings.policy}: {spec.cell}, SHA-256 {seen.policy.sha256[:12]}...')


def check_picture_fit(seen: Observation) -> Finding:
    """Check that the camera gives at least what the policy looks at, in the proportions that it learned with."""
    check = 'policy and picture'
    if seen.policy is None or seen.picture is None:
        return skipped(check, 'no policy or no picture to compare')
    spec, (height, width) = seen.policy.spec, seen.picture.shape[:2]
    head_height, head_width = PICTURE_SIZES[spec.head]
    view_height, view_width = _view(spec, height, width)
    learned = learned_picture(spec)
    if view_height < MIN_RESOLUTION * head_height or view_width < MIN_RESOLUTION * head_width:
        return wrong(check, f'of the {width} x {height} picture the policy gets {view_width:.0f} x {view_height:.0f}, '
                            f'it was made for {head_width} x {head_height}',
                     f'set the camera to {learned[1]} x {learned[0]} or larger in these proportions, '
                     'or learn a policy for this camera')
    stretch = (width / height) / (learned[1] / learned[0])
    if not 1.0 / MAX_STRETCH <= stretch <= MAX_STRETCH:
        return wrong(check, f'the picture is {width} x {height}, the policy learned with the proportions of '
                            f'{learned[1]} x {learned[0]}: what it sees is squeezed by {max(stretch, 1 / stretch):.2f}',
                     f'set the camera to {learned[1]} x {learned[0]} or a multiple of it')
    return ok(check, f'{width} x {height} to {head_width} x {head_height}')


def check_policy_period(seen: Observation) -> Finding:
    """Check that the control rate is near the one that the policy learned at."""
    check = 'policy and rate'
    if seen.policy is None:
        return skipped(check, 'no policy')
    learned_hz = 1.0 / seen.policy.spec.period_s
    factor = seen.settings.control_rate_hz / learned_hz
    if not 1.0 / MAX_RATE_FACTOR <= factor <= MAX_RATE_FACTOR:
        return wrong(check, f'control_rate_hz is {seen.settings.control_rate_hz:g}, the policy learned at '
                            f'{learned_hz:.0f} Hz', f'set control_rate_hz to {learned_hz:.0f}')
    return ok(check, f'{seen.settings.control_rate_hz:g} Hz, learned at {learned_hz:.0f} Hz')


def check_step_time(seen: Observation) -> Finding:
    """Check that an answer takes at most half a period: the drive node's own figure where it drives, else measured."""
    check, period_ms = 'time per step', 1e3 / seen.settings.control_rate_hz
    value = seen.drive.values.get('receipt_to_command_p50_ms', 'nan') if seen.drive is not None else 'nan'
    if value != 'nan':
        step_ms, how = float(value), 'from picture to command, says the drive node'
    elif seen.policy is not None and seen.policy.step_s:
        step_ms, how = 1e3 * float(np.median(seen.policy.step_s)), 'for the policy on this machine'
    else:
        return skipped(check, 'no policy and picture to measure with')
    said = f'{step_ms:.1f} ms {how}, the control period is {period_ms:.1f} ms'
    if step_ms > MAX_STEP_SHARE * period_ms:
        return wrong(check, said, 'stop other work, choose a smaller policy or picture, or lower control_rate_hz')
    return ok(check, said)


def learned_picture(spec: PolicySpec) -> tuple[int, int]:
    """Return height and width of the camera pictures that a policy learned from: recorded, else the simulator's."""
    match spec.training.get('picture'):
        case [int(height), int(width)] if height > 0 and width > 0:
            return height, width
    camera = default_car().camera
    return camera.height_px, camera.width_px


def car_picture() -> np.ndarray:
    """Return a black picture of the size of the car's camera of config/car.yaml, uint8 (H, W, 3)."""
    camera = default_car().camera
    return np.zeros((camera.height_px, camera.width_px, 3), np.uint8)


def _view(spec: PolicySpec, height: int, width: int) -> tuple[float, float]:
    top, bottom, left, right = spec.crop
    return height * (1.0 - top - bottom), width * (1.0 - left - right)
