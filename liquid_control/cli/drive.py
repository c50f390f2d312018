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

"""``liquid-control drive``: the simulator and the drive node as two ROS 2 processes, and someone who watches."""
import argparse
import sys
import time
from pathlib import Path

HELP = 'drive a simulated car over ROS 2, watch it, and write a picture, a video and figures'
DEFAULT_POLICY = 'models/ncp19.safetensors'
START_TIMEOUT_S = 90.0
MAX_LAPS = 1000
SLOWEST_MPS = 0.3
SLACK_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('--policy', metavar='FILE', default=DEFAULT_POLICY,
                        help='policy file (default: %(default)s of this package)')
    parser.add_argument('--track', metavar='SPEC',
                        help='random:SEED or a centre-line CSV (default: random:1000000 + S, never seen in training)')
    parser.add_argument('--laps', metavar='N', type=int, default=3, help='laps to drive (default: %(default)s)')
    parser.add_argument('--seed', metavar='S', type=int, default=0,
                        help='seed of the default track and of the noise of the sensors (default: %(default)s)')
    parser.add_argument('--centre-line', choices=('dashed', 'solid', 'none'),
                        help="paint this centre line instead of the track's own")
    parser.add_argument('--road-width', metavar='M', type=float,
                        help="width of the road in metres instead of the track's own")
    parser.add_argument('--out', metavar='DIR', default='runs/drive',
                        help='folder for picture, video and logs (default: %(default)s)')
    parser.add_argument('--json', metavar='FILE', help='write the figures as JSON')


def run(args: argparse.Namespace) -> int:
    """Drive; return 0 if every lap was completed, else 1."""
    from liquid_control.nodes.processes import require_ros
    from liquid_control.cli.output import check_writable, make_folder, write_json
    from liquid_control.evaluation.watch import Watch
    from liquid_control.simulation.car import default_car
    from liquid_control.simulation.track_spec import EVALUATION_SEEDS_FROM, load_track
    _check(args)
    args.track = args.track or f'random:{EVALUATION_SEEDS_FROM + args.seed}'
    policy = find_policy(args.policy)
    track = load_track(args.track, args.centre_line, args.road_width)
    require_ros()
    check_writable(args.json)
    out = make_folder(args.out)
    watch = Watch(track, args.laps, default_car().wheelbase_m)
    ended = _drive(args, policy, track, watch, out)
    if not watch.record.sightings:
        return _report_no_start(watch, ended, out)
    figures = summarise(args, watch)
    _show(args, track, watch, ended, figures, out)
    write_json(args.json, figures)
    return 0 if figures['completed'] else 1


def find_policy(name: str) -> Path:
    """Return the path of a usable policy file: the path given, or the package's own.

    :raises InputError: if there is none or it cannot be used.
    """
    from liquid_control.policy.policy_file import load_policy
    from liquid_control.share import share_path
    path = Path(name)
    if not path.exists() and not path.is_absolute():
        try:
            path = share_path(name)
        except FileNotFoundError:
            pass
    load_policy(path)
    return path.resolve()


def summarise(args: argparse.Namespace, watch) -> dict:
    """Return the JSON of the verb, as interfaces.md names it."""
    result = watch.result()
    return {
        'track': args.track, 'policy': args.policy, 'laps': args.laps, 'completed': result.completed,
        'off_road': result.ended == 'off road', 'seconds': round(watch.record.seconds(), 3),
        'mean_abs_lateral_m': round(result.mean_abs_lateral_m, 4),
        'max_abs_lateral_m': round(result.max_abs_lateral_m, 4),
        'control_rate_hz': watch.record.control_rate_hz(), 'latency_ms': watch.record.latency_ms()}


def _check(args: argparse.Namespace) -> None:
    from liquid_control.errors import InputError
    if not 1 <= args.laps <= MAX_LAPS:
        raise InputError(f'{args.laps} laps are outside 1 to {MAX_LAPS}; give a number within these limits')
    if not 0 <= args.seed < 2 ** 31:
        raise InputError(f'seed {args.seed} is outside 0 to 2^31 - 1; give a number within these limits')


def _drive(args: argparse.Namespace, policy: Path, track, watch, out: Path) -> str:
    """Run both nodes until the drive has ended; tell why it has. The spectator is there before them."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    from liquid_control.nodes.processes import node_process
    from liquid_control.cli.ros_domain import use_private_domain
    from liquid_control.nodes.spectator import Spectator
    domain = use_private_domain()
    print(f'Track {track.name}, {track.length:.1f} m. To look on: '
          f'ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID={domain} ros2 topic list', flush=True)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor()
    executor.add_node(Spectator(watch))
    settings = {'policy': policy, 'autostart': True, 'use_sim_time': True,
                'black_box_folder': out.resolve() / 'black_box'}
    try:
        with node_process('simulator', '', out / 'simulator.log', _world(args)) as simulator:
            with node_process('drive', '', out / 'drive.log', settings) as drive:
                return _spectate(executor, watch, track, {'simulator': simulator, 'drive': drive})
    finally:
        executor.shutdown()
        rclpy.try_shutdown()


def _world(args: argparse.Namespace) -> dict[str, object]:
    """Return the parameters of the simulator."""
    world = {'track': args.track if args.track.startswith('random:') else Path(args.track).resolve(), 'seed': args.seed}
    world |= {'centre_line': args.centre_line} if args.centre_line else {}
    return world | ({'road_width_m': args.road_width} if args.road_width else {})


def _spectate(executor, watch, track, processes: dict) -> str:
    """Watch until the drive has ended, takes too long, or a process is gone."""
    from rich.console import Console

    from liquid_control.cli.live_line import LiveLine
    from liquid_control.simulation.car import default_car
    begun = time.monotonic()
    with LiveLine(Console(), watch, default_car().max_steering_rad, float(track.half_width_left.mean())) as line:
        while True:
            executor.spin_once(0.05)
            line.show()
            ended = watch.ended or _gone(processes) or _refusal(watch) or _overtime(watch, track, begun)
            if ended:
                line.show(last=True)
                return ended


def _overtime(watch, track, begun: float) -> str:
    """Tell which time limit is over, empty for none."""
    limit_s = watch.laps * track.length / SLOWEST_MPS + SLACK_S
    if not watch.started and time.monotonic() > begun + START_TIMEOUT_S:
        said = watch.diagnosis or 'no word from the drive node'
        return f'no command to move came within {START_TIMEOUT_S:.0f} s ({said})'
    return f'not done after {limit_s:.0f} s' if watch.record.seconds() > limit_s else ''


def _refusal(watch) -> str:
    """Tell that the drive node will not drive any more, empty while it may."""
    refused = watch.diagnosis.startswith(('unconfigured:', 'error:'))
    return f'the drive node will not drive: {watch.diagnosis}' if refused else ''


def _gone(processes: dict) -> str:
    """Tell which process has ended, empty for none."""
    return next((f'the {name} node ended with code {process.returncode}'
                 for name, process in processes.items() if process.poll() is not None), '')


def _report_no_start(watch, ended: str, out: Path) -> int:
    """Say on stderr why the car never moved."""
    print(f'error: the car did not start: {ended}', file=sys.stderr)
    for log in (out / 'simulator.log', out / 'drive.log'):
        print(f'{log}: {(log.read_text().strip().splitlines() or ["(empty)"])[-1]}', file=sys.stderr)
    return 1


def _show(args: argparse.Namespace, track, watch, ended: str, figures: dict, out: Path) -> None:
    """Print the table; write the picture and the video."""
    from rich.console import Console
    from rich.table import Table

    from liquid_control.cli.progress import progress
    from liquid_control.evaluation.pictures import draw_path, write_video
    from liquid_control.simulation.car import default_car
    result = f'{watch.laps_done} of {watch.laps} laps, {ended}'
    table = Table(title='Drive', show_header=False, title_justify='left')
    for name, value in _rows(args, track, watch, figures).items():
        table.add_row(name, value)
    table.add_row('result', result, style='bold green' if figures['completed'] else 'bold red')
    console = Console()
    console.print(table, markup=False)
    draw_path(track, watch.record, f'{args.track}: {result}', out / 'path.png')
    with progress(len(watch.record.pictures), 'Writing the video') as bar:
        write_video(watch.record, default_car(), out / 'drive.mp4', bar.advance)
    console.print(f"picture {out / 'path.png'}\nvideo   {out / 'drive.mp4'}", markup=False, highlight=False)


def _rows(args: argparse.Namespace, track, watch, figures: dict) -> dict[str, str]:
    rate, latency = figures['control_rate_hz'], figures['latency_ms']
    lap_s = watch.result().lap_s
    return {
        'track': f'{args.track}, {track.length:.1f} m', 'policy': args.policy,
        'time': f"{figures['seconds']:.1f} s" + (f', {lap_s:.1f} s a lap' if lap_s else ''),
        'off centre': f"{1000 * figures['mean_abs_lateral_m']:.0f} mm mean, "
                      f"{1000 * figures['max_abs_lateral_m']:.0f} mm at most",
        'control rate': _figures(rate, 'Hz', mean='mean', p1='1st percentile'),
        'camera stamp to command': _figures(latency, 'ms', p50='median', p99='99th percentile')}


def _figures(values: dict, unit: str, **names: str) -> str:
    """Return the values with their names, or that nothing was measured."""
    if None in values.values():
        return 'not measured'
    return ', '.join(f'{values[key]:.1f} {unit} {name}' for key, name in names.items())
