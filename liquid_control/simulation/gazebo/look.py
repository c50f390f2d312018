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

"""Colours and light of a Gazebo world, so that a level surface looks as it does in the embedded simulator."""
import math

Rgb = tuple[float, float, float]

AMBIENT = 0.6
"""Share of a lit level surface's brightness that a shadow leaves. Surfaces give it off: it is the same from everywhere,
which ogre2's ambient light is not."""
SUN_DIRECTION = (-0.5, 0.3, -0.8)
"""Of the light, in the world's frame; it need not be a unit vector."""
ROUGHNESS = 0.6
"""With which ogre2's diffuse reflection hangs least on where one looks from."""
REFLECTED = 0.77
"""Share of the sun's light that ogre2 lets a white level surface of that roughness reflect, as measured."""


def linear(rgb: Rgb) -> Rgb:
    """Return the linear light of display values 0..1 (the sRGB transfer function, IEC 61966-2-1)."""
    return tuple(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb)


def sun_diffuse() -> float:
    """Return the sun's brightness with which a level surface in the sun shows its own colour."""
    x, y, z = SUN_DIRECTION
    return (1.0 - AMBIENT) / REFLECTED * math.hypot(x, y, z) / -z


def sdf_rgb(rgb: Rgb, share: float = 1.0) -> str:
    """Return a share of the light of display values as an SDF colour."""
    return ' '.join(f'{share * value:.5f}' for value in linear(rgb)) + ' 1'


def material(rgb: Rgb) -> str:
    """Return the SDF of a dull surface that in full light shows these display values."""
    return (f'<material><ambient>0 0 0 1</ambient><diffuse>{sdf_rgb(rgb)}</diffuse><specular>0 0 0 1</specular>'
            f'<emissive>{sdf_rgb(rgb, AMBIENT)}</emissive>'
            f'<pbr><metal><metalness>0</metalness><roughness>{ROUGHNESS}</roughness></metal></pbr></material>')
