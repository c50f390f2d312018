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

"""Faults of limits, parameters, humans and the way to the car."""
import random
import time
from collections.abc import Callable

from geometry_msgs.msg import TwistStamped

from liquid_control.evaluation.faults.table import FROZEN_S, PERIOD_S, Fault
from liquid_control.evaluation.faults.verdict import Outcome
from liquid_control.nodes.drive_settings import drive_settings
from liquid_control.nodes.faults.bench import Bench
from liquid_control.nodes.faults.injection import HOLD_S, STANDS_MPS, begun, drive_through, ended
from liquid_control.nodes.faults.relay import nothing

BAD = (
    ('max_speed_mps', 31.0), ('max_speed_mps', -1.0), ('max_speed_mps', 'fast'), ('control_rate_hz', 0.0),
    ('control_rate_hz', 500), ('max_steering_rad', float('nan')), ('camera_timeout_s', float('inf')),
    ('command_type', 'twist'), ('autostart', False), ('policy', 'a' * 5000), ('policy_sha256', '0' * 64),
    ('use_sim_time', False))
NONSENSE = (0, -1, 1e9, -1e300, float('nan'), '', 'x' * 3000, True, [b'\x00', b'\xff'], [1, 2], 2 ** 62, '\u2603')
SEED, SETTINGS_AT_RANDOM = 0, 300
BRAKED_MPS = 0.1


def limits(bench: Bench, fault: Fault) -> Outcome:
    """Limits below what the policy wants: every command within them from the next tick on, and counted."""
    before = {key: int(bench.value(key)) for key in ('clamps', 'slews')}

    limited_s = 0.0

    def inject() -> None:
        nonlocal limited_s
        bench.set({'max_speed_mps': 1.0, 'max_steering_rate_radps': 0.1})
        limited_s = time.monotonic() + 2.0 * PERIOD_S
    outcome = drive_through(bench, fault, inject, 2.5, lambda: bench.set(
        {'max_speed_mps': 4.0, 'max_steering_rate_radps': 6.0}))
    fast = [speed for now, speed, _ in list(bench.relay.commands)
            if limited_s < now < limited_s + 2.0 and speed > 1.0]
    outcome.problems += [f'{len(fast)} commands above the limit'] if fast else []
    bench.waits(lambda: int(bench.value('clamps')) > before['clamps'], 3.0)
    counted = {key: int(bench.value(key)) - count for key, count in before.items()}
    outcome.notes.append(', '.join(f'{count} {key}' for key, count in counted.items()))
    outcome.problems += [f'no {key} were counted' for key, count in counted.items() if not count]
    return outcome


def parameters(bench: Bench, fault: Fault) -> Outcome:
    """Values that are refused, each with a reason."""
    reasons = []

    def inject() -> None:
        for name, value in BAD:
            reasons.extend((name, value, reason) for reason in bench.set({name: value}))
    outcome = drive_through(bench, fault, inject, 0.5)
    outcome.problems += [f'{name} = {str(value)[:20]} was taken' for name, value, reason in reasons if not reason]
    outcome.notes.append(f'{sum(bool(reason) for _, _, reason in reasons)} refused')
    return outcome


def random_parameters(bench: Bench, fault: Fault) -> Outcome:
    """Inject: values of any kind for any parameter; what is taken for limits and timeouts may stop the car."""
    begin = begun(bench)
    restore = set_at_random(bench, random.Random(SEED), SETTINGS_AT_RANDOM)
    outcome = ended(bench, fault, begin, lambda: (restore(), bench.reset()))  # it may be anywhere by now
    outcome.zero_s = None  # some values, such as a timeout shorter than a frame, rightly stop the car
    outcome.notes.append(f'seed {SEED}')
    return outcome


def set_at_random(bench: Bench, draw: random.Random, count: int) -> Callable[[], object]:
    """Set random parameters of the drive node to random values; return what sets all to their defaults again."""
    settings = drive_settings()
    for _ in range(count):
        setting = draw.choice(settings)
        inside = setting.low is not None and draw.random() < 0.5
        bench.set({setting.name: draw.uniform(setting.low, setting.high) if inside else draw.choice(NONSENSE)})
    return lambda: bench.set({setting.name: setting.default for setting in settings
                              if not setting.fixed and setting.name not in ('policy', 'policy_sha256')})


def takeover(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a human's command, once; the time until it is out counts from the publication."""
    command = TwistStamped()
    command.twist.linear.x = 0.5
    begin = begun(bench)
    bench.relay.human.publish(command)
    won = bench.waits(lambda: _obeyed(bench, begin) is not None, 1.0)
    time.sleep(0.3)
    outcome = ended(bench, fault, begin)
    took_s = _obeyed(bench, begin) - begin if won else None
    outcome.notes.append(f'won after {took_s:.3f} s' if won else 'not obeyed')
    # One period is the rule; the way there and back over DDS and this process's own polling come on top.
    outcome.problems += [] if won and took_s <= 2.0 * PERIOD_S else ['a human did not win within a period']
    return outcome


def _obeyed(bench: Bench, begin: float) -> float | None:
    return next((now for now, speed, _ in list(bench.relay.commands) if now > begin and abs(speed - 0.5) < 1e-6), None)


def network_cut(bench: Bench, fault: Fault) -> Outcome:
    """Commands are sent and do not arrive, for long enough for what the car sees to look frozen."""
    begin = begun(bench)
    bench.relay.command = nothing
    time.sleep(2.0 * FROZEN_S)
    return brakes(bench, fault, begin)


def brakes(bench: Bench, fault: Fault, begin: float, end=None) -> Outcome:
    """Wait for the car to brake by itself; return what was measured, the time until it did in place of a command."""
    bench.waits(lambda: bench.relay.odometry[-1][3] < STANDS_MPS, 3.0)
    time.sleep(HOLD_S)
    outcome = ended(bench, fault, begin, end)
    outcome.zero_s = _braked_s(bench, begin)
    return outcome


def _braked_s(bench: Bench, begin: float) -> float | None:
    """Return how long after ``begin`` the car had lost some of the highest speed that it still reached."""
    speeds = [(now, speed) for now, _, _, speed in list(bench.relay.odometry) if now > begin]
    fastest_s, fastest = max(speeds, key=lambda item: item[1], default=(begin, 0.0))
    return next((now - begin for now, speed in speeds if now > fastest_s and speed < fastest - BRAKED_MPS), None)
