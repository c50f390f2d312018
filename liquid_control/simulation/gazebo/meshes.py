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

"""A road's triangles as Wavefront OBJ files."""
from liquid_control.simulation.road_mesh import Piece


def obj_text(pieces: list[Piece]) -> str:
    """Return pieces of road as one OBJ: flat at height 0, facing up, counter-clockwise, metres."""
    lines, offset = ['vn 0 0 1'], 1
    for piece in pieces:
        lines.append(f'o {piece.layer}_{piece.chunk}')
        lines += [f'v {x:.4f} {y:.4f} 0' for x, y in piece.mesh.vertices.tolist()]
        lines += [f'f {a}//1 {b}//1 {c}//1' for a, b, c in (piece.mesh.faces + offset).tolist()]
        offset += len(piece.mesh.vertices)
    return '\n'.join(lines) + '\n'
