// Copyright 2026 The liquid_control Authors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// The camera picture, with what the vision head responds to, or with the parts of the picture behind a decision.

import {byId} from './tools.js';

const HEAT = [255, 196, 0];
const LEAST_PART = 0.12;

export class Camera {
  constructor() {
    this.canvas = byId('camera');
    this.context = this.canvas.getContext('2d');
    this.mask = document.createElement('canvas');
    this.picture = null;
    this.regions = null;
    this.crop = [0, 0, 0, 0];
  }

  // Show a picture and, where there is one, its saliency, both JPEG bytes.
  async show(jpeg, saliency) {
    const [picture, looks] = await Promise.all([bitmap(jpeg), saliency.length ? bitmap(saliency) : null]);
    this.picture = picture;
    this.looks = looks;
    this.draw();
  }

  // Show which parts of the picture (rows of numbers) stand behind what is selected; null for none.
  setRegions(regions) {
    this.regions = regions;
    if (this.picture) this.draw();
  }

  draw() {
    const {canvas, context, picture} = this;
    const scale = Math.max(1, Math.round(640 / picture.width));
    canvas.width = picture.width * scale;
    canvas.height = picture.height * scale;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    if (this.regions) this.drawRegions();
    else if (this.looks) this.drawSaliency();
  }

  drawSaliency() {
    const {mask, looks, context, canvas} = this;
    mask.width = looks.width;
    mask.height = looks.height;
    const pen = mask.getContext('2d', {willReadFrequently: true});
    pen.drawImage(looks, 0, 0);
    const pixels = pen.getImageData(0, 0, mask.width, mask.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const level = pixels.data[at] / 255;
      [pixels.data[at], pixels.data[at + 1], pixels.data[at + 2]] = HEAT;
      pixels.data[at + 3] = 175 * level;
    }
    pen.putImageData(pixels, 0, 0);
    context.drawImage(mask, 0, 0, canvas.width, canvas.height);
  }

  drawRegions() {
    const {context, canvas, regions} = this;
    const [top, bottom, left, right] = this.crop;
    const x = left * canvas.width, y = top * canvas.height;
    const wide = (1 - left - right) * canvas.width / regions[0].length;
    const high = (1 - top - bottom) * canvas.height / regions.length;
    const most = Math.max(...regions.flat().map(Math.abs), 1e-9);
    const style = getComputedStyle(document.documentElement);
    context.fillStyle = 'rgba(0, 0, 0, .45)';
    context.fillRect(0, 0, canvas.width, canvas.height);
    regions.forEach((row, i) => row.forEach((value, j) => {
      const part = Math.abs(value) / most;
      if (part < LEAST_PART) return;
      const place = [x + j * wide, y + i * high, wide, high];
      context.save();
      context.beginPath();
      context.rect(...place);
      context.clip();
      context.drawImage(this.picture, 0, 0, canvas.width, canvas.height);
      context.globalAlpha = 0.25 + 0.4 * part;
      context.fillStyle = style.getPropertyValue(value > 0 ? '--excites' : '--inhibits');
      context.fillRect(...place);
      context.restore();
    }));
  }
}

function bitmap(bytes) {
  return createImageBitmap(new Blob([bytes], {type: 'image/jpeg'}));
}
