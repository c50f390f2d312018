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

"""What a drive looked like: a picture of the path and a video with the command drawn in."""
import io
import math
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.evaluation.drive_record import DriveRecord, SeenCommand
from liquid_control.simulation.car import Car
from liquid_control.simulation.track import Track
from liquid_control.whole_file import write_whole

ENLARGED = 3
GREEN, WHITE, GREY = (80, 230, 120), (255, 255, 255), (70, 70, 70)


def draw_path(track: Track, record: DriveRecord, title: str, path: Path) -> None:
    """Write a PNG of the road from above with the driven path, coloured by the lateral error.

    :raises InputError: if matplotlib is missing or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f"the picture needs '{error.name}'; pip install 'liquid_control[video]'") from error
    figure = Figure(figsize=(9.0, 7.5), dpi=120, layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(aspect='equal', xlabel='x (m)', ylabel='y (m)', title=title)
    left = _closed(track.centre + track.normal * track.half_width_left[:, None])
    right = _closed(track.centre - track.normal * track.half_width_right[:, None])
    axes.fill(*np.vstack((left, right[::-1])).T, color='0.88', linewidth=0.0)
    for edge in (left, right):
        axes.plot(*edge.T, color='0.25', linewidth=1.0)
    axes.plot(*_closed(track.centre).T, color='0.6', linewidth=0.6, linestyle=(0, (6, 6)))
    points = np.array([(seen.x_m, seen.y_m) for seen in record.sightings]).reshape(-1, 2)
    errors = 1000.0 * np.abs([seen.lateral_m for seen in record.sightings])
    if len(points) > 1:
        steps = np.stack((points[:-1], points[1:]), axis=1)
        driven = LineCollection(steps, array=errors[1:], cmap='plasma', linewidth=1.8, capstyle='round')
        axes.add_collection(driven)
        figure.colorbar(driven, ax=axes, label='distance from the centre line (mm)', shrink=0.8)
        axes.plot(*points[0], marker='o', linestyle='', color='tab:green', markersize=8, label='start')
        axes.plot(*points[-1], marker='X', linestyle='', color='black', markersize=8, label='end')
        axes.legend(loc='best', frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format='png')
    write_whole(path, content.getvalue())


def write_video(record: DriveRecord, car: Car, path: Path, on_frame=lambda: None) -> None:
    """Write an MP4 of the camera's pictures, enlarged, with each command drawn in.

    :param on_frame: called after each picture.
    :raises InputError: if imageio-ffmpeg is missing or the file cannot be written.
    """
    import cv2
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise InputError(f"the video needs '{error.name}'; pip install 'liquid_control[video]'") from error
    size = (2 * (ENLARGED * car.camera.width_px // 2), 2 * (ENLARGED * car.camera.height_px // 2))
    writer = imageio_ffmpeg.write_frames(
        str(path), size, fps=car.camera.rate_hz, codec='libx264', quality=7, macro_block_size=2,
        ffmpeg_log_level='error')
    try:
        writer.send(None)
        for stamp, jpeg in record.pictures:
            picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            enlarged = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
            writer.send(annotate(enlarged, record.command_at(stamp), car))
            on_frame()
    except OSError as error:
        raise InputError(f"'{path}' cannot be written ({error}); give a folder with free space") from error
    finally:
        writer.close()


def annotate(picture: np.ndarray, command: SeenCommand | None, car: Car) -> np.ndarray:
    """Draw the command into an enlarged camera picture uint8 (H, W, 3) RGB: the way it leads, a gauge, the speed."""
    import cv2
    height, width = picture.shape[:2]
    if command is None:
        cv2.putText(picture, 'no command', (12, height - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.6, WHITE, 1, cv2.LINE_AA)
        return picture
    way = _way_ahead(command.steering_rad, car, width / car.camera.width_px)
    cv2.polylines(picture, [np.round(way).astype(np.int32)], False, GREEN, 3, cv2.LINE_AA)
    middle, reach, y = width // 2, width // 5, height - 20
    end = middle - round(reach * max(-1.0, min(1.0, command.steering_rad / car.max_steering_rad)))
    cv2.line(picture, (middle - reach, y), (middle + reach, y), GREY, 10, cv2.LINE_AA)
    cv2.line(picture, (middle, y), (end, y), GREEN, 10, cv2.LINE_AA)
    cv2.line(picture, (middle, y - 10), (middle, y + 10), WHITE, 1, cv2.LINE_AA)
    steering, speed = f'{math.degrees(command.steering_rad):+5.1f} deg', f'{command.speed_mps:.2f} m/s'
    cv2.putText(picture, steering, (12, height - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.55, WHITE, 1, cv2.LINE_AA)
    cv2.putText(picture, speed, (width - 100, height - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.55, WHITE, 1, cv2.LINE_AA)
    return picture


def _way_ahead(steering_rad: float, car: Car, scale: float) -> np.ndarray:
    """Return the pixels (K, 2) of the next two metres that the middle of the rear axle rolls without slip."""
    curvature = math.tan(steering_rad) / car.wheelbase_m
    along = np.linspace(0.6, 2.5, 30)
    turned = along * curvature
    x = np.sinc(turned / np.pi) * along
    y = 0.5 * along * turned * np.sinc(0.5 * turned / np.pi) ** 2
    camera = car.camera
    forward, pitch = x - camera.x_m, camera.pitch_rad
    depth = forward * math.cos(pitch) + camera.z_m * math.sin(pitch)
    up = forward * math.sin(pitch) - camera.z_m * math.cos(pitch)
    seen = depth > 0.1
    column = 0.5 * camera.width_px - camera.focal_px * y[seen] / depth[seen]
    row = 0.5 * camera.height_px - camera.focal_px * up[seen] / depth[seen]
    return scale * np.stack((column, row), axis=1)


def _closed(points: np.ndarray) -> np.ndarray:
    return np.vstack((points, points[:1]))
