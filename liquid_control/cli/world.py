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

"""``liquid-control world``: a Gazebo world of a track."""
import argparse

HELP = 'write the Gazebo world of a track'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('track', metavar='TRACK', nargs='+',
                        help='random:SEED or a centre-line CSV; several are laid out side by side in one world')
    parser.add_argument('folder', metavar='DIR', help='folder for world.sdf and its meshes; made if need be')
    parser.add_argument('--centre-line', choices=('dashed', 'solid', 'none'), help="instead of the track's own")
    parser.add_argument('--road-width', type=float, metavar='M', help="metres, instead of the track's own")
    parser.add_argument('--boxes', type=int, default=0, metavar='N',
                        help='boxes beside the first road, which throw shadows on it (default: %(default)s)')
    parser.add_argument('--json', metavar='FILE', help='write what the world holds as JSON')


def run(args: argparse.Namespace) -> int:
    """Write the world and print where it is and how to start it."""
    from liquid_control.cli.output import make_folder, write_json
    from liquid_control.errors import InputError
    from liquid_control.simulation.gazebo.roadside import roadside_boxes
    from liquid_control.simulation.gazebo.world import lay_out, place_pose, write_world
    from liquid_control.simulation.track_spec import load_track
    if not 0 <= args.boxes <= 1000:
        raise InputError(f'--boxes {args.boxes} is outside 0 to 1000; give a number within these limits')
    tracks = [load_track(spec, args.centre_line, args.road_width) for spec in args.track]
    plots = lay_out(tracks)
    boxes = roadside_boxes(tracks[0], args.boxes) if args.boxes else []
    file = write_world(make_folder(args.folder), plots, boxes)
    for track in tracks:
        print(f'{track.name}: {track.length:.1f} m')
    print(f'{file}: start it with ros2 launch liquid_control drive.launch.py sim:=gazebo world:={file}')
    write_json(args.json, {
        'world': str(file), 'boxes': len(boxes),
        'roads': [{'track': plot.track.name, 'length_m': plot.track.length, 'x_m': plot.x, 'y_m': plot.y}
                  for plot in plots],
        'start': dict(zip(('x_m', 'y_m', 'yaw_rad'), place_pose(plots[0], 0), strict=True))})
    return 0
