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

"""A Gazebo world of one or several roads, as SDF beside OBJ meshes."""
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liquid_control.simulation.car import GRAVITY_MPS2
from liquid_control.simulation.gazebo.look import SUN_DIRECTION, material, sdf_rgb, sun_diffuse
from liquid_control.simulation.gazebo.meshes import obj_text
from liquid_control.simulation.gazebo.names import WORLD, plugin
from liquid_control.simulation.gazebo.roadside import Box
from liquid_control.simulation.mujoco_model import GROUND_MARGIN_M, LAYER_HEIGHT_M
from liquid_control.simulation.road_mesh import LAYERS, display_rgb, layer_rgb, road_pieces
from liquid_control.simulation.track import Track

STEP_S = 0.001666667
"""Of physics: a fraction of a nanosecond above 1/600 s, so that 20 steps are not less than 1/30 s and no picture waits
for a 21st step."""
WRITTEN_STEP_S = STEP_S + 0.5e-9
"""Gazebo cuts a step to whole nanoseconds, and the number itself may lie below one."""
PLOT_MARGIN_M = 30.0
"""Ground around each of several roads."""
PLACES, PLACE_SPACING_M = 8, 1.0
"""Where cars can start on the first road: one behind the other."""
FILE = 'world.sdf'


@dataclass(frozen=True, eq=False)
class Plot:
    """A road laid out in a world: its frame's origin (m) and how far its ground reaches around it (m)."""

    track: Track
    x: float
    y: float
    margin: float


def lay_out(tracks: list[Track]) -> list[Plot]:
    """Return where roads lie in one world: the first one on the world's own frame, all on a square grid."""
    if len(tracks) == 1:
        return [Plot(tracks[0], 0.0, 0.0, GROUND_MARGIN_M)]
    cell = max(2.0 * (_half_size(track) + PLOT_MARGIN_M) for track in tracks)
    across = math.ceil(math.sqrt(len(tracks)))
    first = _middle(tracks[0])
    plots = []
    for i, track in enumerate(tracks):
        x, y = first + cell * np.array(divmod(i, across)) - _middle(track)
        plots.append(Plot(track, float(x), float(y), 0.5 * cell - _half_size(track)))
    return plots


def write_world(folder: Path, plots: list[Plot], boxes: Sequence[Box] = (), models: Sequence[str] = ()) -> Path:
    """Write the world and its meshes into a folder and return the world's file.

    :param boxes: what stands beside the first road and throws shadows.
    :param models: SDF of what else is there from the start.
    """
    for i, plot in enumerate(plots):
        pieces = road_pieces(plot.track)
        for layer in LAYERS:
            of_layer = [piece for piece in pieces if piece.layer == layer]
            mesh = folder / mesh_name(layer, i)
            if of_layer:
                mesh.write_text(obj_text(of_layer))
            else:
                mesh.unlink(missing_ok=True)
    file = folder / FILE
    file.write_text(world_sdf(plots, boxes, models))
    return file


def mesh_name(layer: str, road: int) -> str:
    """Return the file name of one layer of one road."""
    return f'{layer}_{road}.obj'


def world_sdf(plots: list[Plot], boxes: Sequence[Box] = (), models: Sequence[str] = ()) -> str:
    """Return the SDF of a world; frames place_0 to place_7 say where cars start."""
    sky = sdf_rgb(display_rgb(plots[0].track.appearance.sky_rgb, plots[0].track.appearance))
    return f"""<?xml version="1.0"?>
<sdf version="1.9">
  <world name="{WORLD}">
    <physics name="600_hz" type="dart">
      <max_step_size>{WRITTEN_STEP_S:.10f}</max_step_size>
      <real_time_factor>1</real_time_factor>
    </physics>
    <gravity>0 0 {-GRAVITY_MPS2}</gravity>
    {plugin('Physics')}
    {plugin('UserCommands')}
    {plugin('SceneBroadcaster')}
    {plugin('Sensors', '<render_engine>ogre2</render_engine>')}
    {plugin('Imu')}
    {plugin('Contact')}
    <scene>
      <ambient>0 0 0 1</ambient>
      <background>{sky}</background>
      <shadows>{_flag(boxes)}</shadows>
      <grid>false</grid>
    </scene>
    {_sun(bool(boxes))}
    {_lines(_place_frame(plots[0], place) for place in range(PLACES))}
    <model name="floor">
      <static>true</static>
      <link name="link">
        <collision name="plane">
          <geometry><plane><normal>0 0 1</normal><size>1 1</size></plane></geometry>
          <surface><friction><ode><mu>10</mu><mu2>10</mu2></ode></friction></surface>
        </collision>
      </link>
    </model>
    {_lines(_road(plot, i) for i, plot in enumerate(plots))}
    {_lines([*(_box(plots[0], box, i) for i, box in enumerate(boxes)), *models])}
  </world>
</sdf>
"""


def place_pose(plot: Plot, place: int) -> tuple[float, float, float]:
    """Return (x m, y m, yaw rad) in the world of a starting place: 0 is the road's start, the next are behind it."""
    x, y, yaw = plot.track.pose(-PLACE_SPACING_M * place)
    return float(x) + plot.x, float(y) + plot.y, yaw


def _sun(shadows: bool) -> str:
    colour = f'{sun_diffuse():.5f} ' * 3 + '1'
    return f"""<light type="directional" name="sun">
      <cast_shadows>{_flag(shadows)}</cast_shadows>
      <pose>0 0 10 0 0 0</pose>
      <diffuse>{colour}</diffuse>
      <specular>0 0 0 1</specular>
      <direction>{' '.join(map(str, SUN_DIRECTION))}</direction>
    </light>"""


def _place_frame(plot: Plot, place: int) -> str:
    x, y, yaw = place_pose(plot, place)
    return f'<frame name="place_{place}"><pose>{x:.4f} {y:.4f} 0 0 0 {yaw:.5f}</pose></frame>'


def _road(plot: Plot, i: int) -> str:
    look = plot.track.appearance
    middle, side = _middle(plot.track), 2.0 * (_half_size(plot.track) + plot.margin)
    layers = [layer for layer in LAYERS if layer != 'centre' or look.centre_line != 'none']
    return f"""<model name="road_{i}">
      <static>true</static>
      <pose>{plot.x:.4f} {plot.y:.4f} 0 0 0 0</pose>
      <link name="link">
        <visual name="ground">
          <pose>{middle[0]:.4f} {middle[1]:.4f} 0 0 0 0</pose>
          <cast_shadows>false</cast_shadows>
          <geometry><plane><normal>0 0 1</normal><size>{side:.3f} {side:.3f}</size></plane></geometry>
          {material(display_rgb(look.ground_rgb, look))}
        </visual>
        {_lines(_layer(plot.track, layer, i) for layer in layers)}
      </link>
    </model>"""


def _layer(track: Track, layer: str, road: int) -> str:
    height = LAYER_HEIGHT_M * (1 + LAYERS.index(layer))
    return f"""<visual name="{layer}">
          <pose>0 0 {height} 0 0 0</pose>
          <cast_shadows>false</cast_shadows>
          <geometry><mesh><uri>{mesh_name(layer, road)}</uri></mesh></geometry>
          {material(layer_rgb(layer, track.appearance))}
        </visual>"""


def _box(plot: Plot, box: Box, i: int) -> str:
    geometry = f'<geometry><box><size>{box.length:.3f} {box.width:.3f} {box.height:.3f}</size></box></geometry>'
    pose = f'{plot.x + box.x:.4f} {plot.y + box.y:.4f} {0.5 * box.height:.4f} 0 0 {box.yaw:.4f}'
    return f"""<model name="box_{i}">
      <static>true</static>
      <pose>{pose}</pose>
      <link name="link">
        <collision name="box_collision">{geometry}</collision>
        <visual name="box">{geometry}{material(box.rgb)}</visual>
      </link>
    </model>"""


def _middle(track: Track) -> np.ndarray:
    return 0.5 * (track.centre.min(axis=0) + track.centre.max(axis=0))


def _half_size(track: Track) -> float:
    return 0.5 * float(np.ptp(track.centre, axis=0).max())


def _flag(value: object) -> str:
    return 'true' if value else 'false'


def _lines(lines) -> str:
    return '\n    '.join(lines)
