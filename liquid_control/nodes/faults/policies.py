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

"""Faults of policies and their files."""
import os
import shutil
import time
from pathlib import Path

from liquid_control.evaluation.faults import policies
from liquid_control.evaluation.faults.table import SLOW_STEP_S, Fault
from liquid_control.evaluation.faults.verdict import Outcome
from liquid_control.nodes.faults.bench import Bench
from liquid_control.nodes.faults.injection import begun, drive_through, ended
from liquid_control.policy.policy_file import load_policy

SECOND = 'second'
CONFIGURE, CLEAN_UP = 1, 2
HANG_S = 0.15
SWAP_S = 120.0
WRITES = 12


def policy_nan(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a policy that computes NaN."""
    path = bench.folder / 'nan.safetensors'
    policies.write_overflowing(load_policy(bench.policy), path)
    return _drives(bench, fault, path, '')


def policy_slow(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a policy that takes longer than a period."""
    return _slow(bench, fault, SLOW_STEP_S)


def policy_hangs(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a policy that takes longer than a picture may be old."""
    return _slow(bench, fault, HANG_S)


def _slow(bench: Bench, fault: Fault, seconds: float) -> Outcome:
    path = bench.folder / f'{fault.name}.pt'
    return _drives(bench, fault, path, policies.write_slow(load_policy(bench.policy), path, seconds))


def _drives(bench: Bench, fault: Fault, path: Path, sha256: str) -> Outcome:
    """Let a policy take over; the fault begins with the first zero command or its first tick, whichever is told first.

    When the swap takes place is not seen from outside to the millisecond, so the time until the zero command counts
    from the last command that the old policy can have given: the last one that steers.
    """
    problems = [reason for reason in _load(bench, path, sha256) if reason]
    assert not problems, problems
    swaps = int(bench.value('swaps'))
    begin = begun(bench)
    bench.waits(lambda: bench.zero_s(begin, time.monotonic()) is not None, SWAP_S)
    bench.waits(lambda: int(bench.value('swaps')) > swaps, 5.0)
    time.sleep(1.0)
    answered = [now for now, speed, yaw in list(bench.relay.commands) if now > begin and yaw != 0.0]
    outcome = ended(bench, fault, answered[-1] if answered else begin,
                    lambda: _load(bench, bench.policy, ''))
    return outcome


def _load(bench: Bench, path: Path, sha256: str) -> list[str]:
    """Set policy and hash together, so that no pair is checked that is not meant."""
    from rcl_interfaces.srv import SetParametersAtomically
    from rclpy.parameter import Parameter
    parameters = [Parameter(name, value=value).to_parameter_msg()
                  for name, value in (('policy', str(path)), ('policy_sha256', sha256))]
    request = SetParametersAtomically.Request(parameters=parameters)
    result = bench.call(SetParametersAtomically, '/drive/set_parameters_atomically', request).result
    return ['' if result.successful else result.reason]


def policy_written(bench: Bench, fault: Fault) -> Outcome:
    """Inject: the file in use is torn, replaced and torn again while the drive node is told to load it."""
    path = bench.folder / 'written.safetensors'
    whole = bench.policy.read_bytes()
    swaps = int(bench.value('swaps'))
    taken = 0

    def inject() -> None:
        nonlocal taken
        for number in range(WRITES):
            path.write_bytes(whole[:len(whole) // 2] if number % 3 == 0 else whole)
            reasons = _load(bench, path, '')
            taken += not reasons[0]
            if number % 3 == 2:
                os.truncate(path, 100)  # under the node's hands, which may be reading
            time.sleep(0.3)
        path.write_bytes(whole)
        _load(bench, path, '')
        bench.waits(lambda: bench.value('policy_loaded') == str(path), 30.0)
    outcome = drive_through(bench, fault, inject, 0.0, lambda: _load(bench, bench.policy, ''))
    gained = int(bench.value('swaps')) - swaps
    outcome.notes.append(f'{WRITES + 1} files, {taken} taken when asked, {gained} swaps')
    if gained:
        outcome.said += '; swaps'
    return outcome


def policy_missing(bench: Bench, fault: Fault) -> Outcome:
    """Files that are none."""
    whole = bench.policy.read_bytes()
    paths = [bench.folder / f'{name}.safetensors' for name in ('missing', 'empty', 'torn', 'noise')]
    for path, content in zip(paths[1:], (b'', whole[:-1], bytes(range(256)) * 40)):
        path.write_bytes(content)
    return _refused(bench, fault, [(path, '') for path in paths])


def policy_foreign(bench: Bench, fault: Fault) -> Outcome:
    """Policies that are not what they should be."""
    policy = load_policy(bench.policy)
    foreign, misshapen = bench.folder / 'foreign.safetensors', bench.folder / 'misshapen.safetensors'
    policies.write_foreign(policy, foreign)
    policies.write_misshapen(policy, misshapen)
    return _refused(bench, fault, [(bench.policy, '0' * 64), (foreign, ''), (misshapen, '')])


def policy_hostile(bench: Bench, fault: Fault) -> Outcome:
    """Files that do something when they are opened."""
    trace = bench.folder / 'trace'
    script = bench.folder / 'script.pt'
    policies.write_hostile_torchscript(script, trace)
    renamed = bench.folder / 'script.safetensors'
    shutil.copy(script, renamed)
    paths = [*policies.write_pickles(bench.folder, trace), script, renamed]
    outcome = _refused(bench, fault, [(path, '') for path in paths] + [(path, '0' * 64) for path in paths])
    outcome.problems += ['a hostile file was executed'] if trace.exists() else []
    return outcome


def _refused(bench: Bench, fault: Fault, files: list[tuple[Path, str]]) -> Outcome:
    """Configure a second node with each file; it must stay unconfigured, and the first must drive on."""
    begin = begun(bench)
    said = []
    second = bench.start('drive', {'use_sim_time': True}, remaps={'__node': SECOND})
    try:
        for path, sha256 in files:
            bench.set({'policy': str(path), 'policy_sha256': sha256}, SECOND)
            if bench.change(CONFIGURE, SECOND) or bench.state(SECOND) != 'unconfigured':
                return _accepted(bench, fault, begin, path)
            bench.waits(lambda path=path: str(path) in bench.said(SECOND), 3.0)
            said.append(bench.said(SECOND))
        outcome = ended(bench, fault, begin)
        outcome.said = '; '.join(said)
        outcome.notes.append(f'{len(files)} files refused')
        outcome.problems += ['the second node ended'] if second.poll() is not None else []
        return outcome
    finally:
        second.terminate()
        outcome_code = second.wait(20.0)
        if outcome_code != 0:
            raise AssertionError(f'the second node ended with {outcome_code}')


def _accepted(bench: Bench, fault: Fault, begin: float, path: Path) -> Outcome:
    outcome = ended(bench, fault, begin)
    outcome.problems.append(f'{path.name} was accepted')
    return outcome


def two_nodes(bench: Bench, fault: Fault) -> Outcome:
    """Inject: a second drive node on the same topics, configured."""
    second = bench.start('drive', {'use_sim_time': True, 'policy': bench.policy}, remaps={'__node': SECOND})
    bench.until(lambda: bench.said(SECOND).startswith('unconfigured'), 'the second node')

    def inject() -> None:
        bench.change(CONFIGURE, SECOND)
        bench.waits(lambda: fault.says in bench.said('drive'), 5.0)
    outcome = drive_through(bench, fault, inject, 0.0)
    second.terminate()
    second.wait(20.0)
    return outcome
