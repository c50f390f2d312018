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

"""``liquid-control audit``: explains a policy on a drive."""
import argparse
from contextlib import ExitStack
from pathlib import Path

from liquid_control.cli.output import check_writable, make_folder, write_json
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError

HELP = 'explain a policy on a drive: a report with pictures, and every figure as JSON'
DEFAULT_TRACK = 'random:1000000'
MOST_TRACKS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument('policy', metavar='POLICY', help='policy file, such as models/ncp19.safetensors')
    drive = parser.add_mutually_exclusive_group()
    drive.add_argument('--bag', metavar='BAG', help='show it the pictures of this recorded drive')
    drive.add_argument('--track', metavar='SPEC', help=f'let it drive a lap of this track (default: {DEFAULT_TRACK})')
    parser.add_argument('--condition', metavar='NAME[=VALUE]', default='clean',
                        help='what the lap is driven under, as in evaluate (default: %(default)s)')
    parser.add_argument('--engine', choices=('mujoco', 'fast'), default='mujoco',
                        help='simulator of the lap (default: %(default)s)')
    parser.add_argument('--baseline', nargs='+', action='extend', metavar='FILE', default=[],
                        help='policies to compare the principal components of the state with')
    parser.add_argument('--tracks', type=int, metavar='N', default=3,
                        help='unseen tracks on which each neuron is silenced and each synapse cut, and the twins '
                             'driven; 0 leaves this out (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of noise (default: %(default)s)')
    parser.add_argument('--out', metavar='DIR', type=Path, default=Path('runs/audit'),
                        help='folder for report.html, report.json and neurons.npz (default: %(default)s)')
    parser.add_argument('--json', metavar='FILE', type=Path, help='write the JSON here too')


def run(args: argparse.Namespace) -> int:
    """Drive or replay, examine, write the report."""
    import torch

    from liquid_control.audit.findings import as_json, examine
    from liquid_control.audit.fleet_drive import Course
    from liquid_control.evaluation.closed_loop import check_between, unseen_tracks
    from liquid_control.policy.policy_file import load_policy
    from liquid_control.simulation.track_spec import load_track
    torch.set_num_threads(1)
    check_between('tracks', args.tracks, 0, MOST_TRACKS)
    check_between('seed', args.seed, 0, 2 ** 31 - 1)
    policy = load_policy(args.policy)
    if not policy.network.state_size:
        raise InputError(f"policy '{args.policy}' is a {policy.spec.cell.upper()} without neurons that hold a state; "
                         'give a recurrent one')
    baselines = {_baseline_name(path, args.baseline): load_policy(path) for path in args.baseline}
    folder = make_folder(args.out)
    for path in (folder / 'report.html', args.json):
        check_writable(path)
    _require_matplotlib()
    record, pictures, outcome, track = _replay(policy, args) if args.bag else _drive(policy, args)
    if len(record) < 2:
        raise InputError(f'the drive has {len(record)} pictures that were answered; give a longer one')
    record.save(folder / 'neurons.npz')
    tracks = [load_track(spec) for spec in unseen_tracks(args.tracks)] if args.tracks else []
    courses = [Course(tracks, light) if tracks else None for light in (1.0, _dark())]
    with ExitStack() as bars:
        def start(title: str, steps: float):
            bars.close()
            return bars.enter_context(progress(steps, title)).advance
        findings = examine(policy, record, pictures, baselines, *courses, start)
    _write(findings, track, outcome, folder, args.json, as_json(findings))
    return 0


def _dark() -> float:
    from liquid_control.audit.findings import DARK
    return DARK


def _require_matplotlib() -> None:
    from liquid_control.audit.figures import SMALL, new_figure
    new_figure(SMALL)


def _drive(policy, args: argparse.Namespace) -> tuple:
    """Drive a lap; return the record, its pictures, how it went and the track."""
    from liquid_control.audit.track_drive import drive_track
    from liquid_control.evaluation.job import make_world
    from liquid_control.evaluation.conditions import parse_condition
    from liquid_control.simulation.track_spec import load_track
    spec = args.track or DEFAULT_TRACK
    track, condition = load_track(spec), parse_condition(args.condition)
    world = make_world(args.engine, track, args.seed, condition)
    drive = spec if args.condition == 'clean' else f'{spec}, {condition}'
    try:
        with progress(1.0, f'Driving {spec}') as bar:
            record, pictures, result = drive_track(
                policy, _about(policy, args.policy, drive), world, track, condition, args.seed, bar.update)
    finally:
        world.close()
    return record, pictures, result, track


def _replay(policy, args: argparse.Namespace) -> tuple:
    """Run over a bag; return the record, its pictures, the error to the human and no track."""
    from liquid_control.audit.bag_drive import drive_bag
    from liquid_control.evaluation.open_loop import compare
    from liquid_control.recording.recorded_drive import load_drive
    if args.condition != 'clean':
        raise InputError(f"condition '{args.condition}' is about a lap that is driven; leave it out with --bag")
    drive = load_drive(args.bag)
    with progress(len(drive), 'Replaying') as bar:
        record = drive_bag(policy, _about(policy, args.policy, f'bag {drive.name}'), drive,
                           lambda tick: bar.update(tick + 1))
    error = compare(record.steering_rad / policy.spec.max_steering_rad, drive.steering)
    return record, drive.pictures, error, None


def _about(policy, path: str, drive: str):
    from liquid_control.audit.neuron_record import About
    from liquid_control.audit.recorder import neuron_names
    from liquid_control.policy.policy_file import sha256_of
    spec = policy.spec
    return About(Path(path).name, sha256_of(path), drive, spec.cell, neuron_names(policy), spec.period_s,
                 spec.max_steering_rad)


def _baseline_name(path: str, paths: list[str]) -> str:
    """Return the file's name without its ending, or the path where two are called the same."""
    stems = [Path(other).stem for other in paths]
    return Path(path).stem if stems.count(Path(path).stem) == 1 else path


def _write(findings, track, outcome, folder: Path, also: Path | None, figures: dict) -> None:
    from dataclasses import asdict

    from liquid_control.audit.report import report_html
    from liquid_control.whole_file import write_whole
    figures = {**figures, 'outcome': asdict(outcome)}
    page = report_html(findings, track, outcome)
    write_whole(folder / 'report.html', page.encode())
    for path in (folder / 'report.json', also):
        write_json(path, figures)
    print(f"{folder / 'report.html'}: {len(findings.record)} ticks, {len(findings.record.about.neurons)} neurons; "
          f"the figures are in report.json, the recorded neurons in neurons.npz")
