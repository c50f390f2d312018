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

"""What the cameras of many cars see, faults included."""

import numpy as np
import torch

from liquid_control.evaluation.conditions import CameraFault
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.appearance import Appearance
from liquid_control.simulation.car import default_car
from liquid_control.simulation.fast_camera import FastCamera
from liquid_control.simulation.ground_map import GroundMap


class FleetEyes:
    """Renders pictures as a policy's retina gives them, for the cars of one fleet.

    A car that is marked ``whole`` gets its fault on the camera's picture, which is then cropped and resized; the other
    cars' pictures are rendered at the retina's size, which is several times cheaper, and get their fault there.
    """

    def __init__(
        self,
        policy: DrivingPolicy,
        maps: list[GroundMap],
        looks: list[Appearance],
        faults: list[CameraFault],
        whole: list[bool],
        heights: np.ndarray,
    ) -> None:
        """Make the eyes; ``heights`` (B,) are the cameras' in metres."""
        self._retina, self._maps, self._looks, self._faults = policy.retina, maps, looks, faults
        self._whole = np.array(whole)
        camera = default_car().camera
        self._sky_rows = max(0, round(0.5 * camera.height_px - camera.focal_px * np.tan(camera.pitch_rad)))
        below_sky = (self._sky_rows / camera.height_px, 0.0, 0.0, 0.0)
        self._small = FastCamera(camera, policy.retina.height, policy.retina.width, policy.spec.crop)
        self._large = FastCamera(camera, camera.height_px - self._sky_rows, camera.width_px, below_sky)
        self._grounds = {
            view: view.ground_points(np.full(len(heights), camera.pitch_rad), heights)
            for view in (self._small, self._large)
        }

    def see(self, poses: np.ndarray, cars: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
        """Take a picture of each of some cars.

        :param poses: (B, 3) of all cars of the fleet.
        :return: those of the cars (K,) whose picture arrived, and the pictures, uint8 (K, 3, height, width).
        """
        whole = self._whole[cars]
        seen_small, small = self._take(self._small, poses, cars[~whole])
        seen_large, large = self._take(self._large, poses, cars[whole])
        pictures = [torch.from_numpy(np.ascontiguousarray(p.transpose(2, 0, 1))) for p in small]
        pictures += [self._through_retina(picture) for picture in large]
        seen = np.array(seen_small + seen_large, int)
        return seen, torch.stack(pictures) if pictures else torch.empty(0, 3, self._small.height, self._small.width)

    def _take(self, view: FastCamera, poses: np.ndarray, cars: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
        """Render and disturb; pictures are (height, width, 3), the camera's whole ones with their sky."""
        if len(cars) == 0:
            return [], []
        forward, left = (part[cars] for part in self._grounds[view])
        maps, looks = [self._maps[car] for car in cars], [self._looks[car] for car in cars]
        planes = view.render(maps, looks, poses[cars], forward, left)
        seen, pictures = [], []
        for car, look, plane in zip(cars, looks, planes, strict=True):
            picture = plane.transpose(1, 2, 0)
            arrived = self._faults[car].apply(self._with_sky(picture, look) if view is self._large else picture)
            if arrived is not None:
                seen.append(int(car))
                pictures.append(arrived)
        return seen, pictures

    def _with_sky(self, ground: np.ndarray, look: Appearance) -> np.ndarray:
        sky = np.clip(255.0 * look.light * np.array(look.sky_rgb), 0.0, 255.0).astype(np.uint8)
        picture = np.empty((self._sky_rows + ground.shape[0], *ground.shape[1:]), np.uint8)
        picture[: self._sky_rows] = sky
        picture[self._sky_rows :] = ground
        return picture

    def _through_retina(self, picture: np.ndarray) -> torch.Tensor:
        return self._retina.resize(torch.from_numpy(picture).unsqueeze(0))[0]
