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
"""What is learned from again: whole windows of uninterrupted driving, the newest minutes, only what has a label."""

import torch

from liquid_control.learning.rehearsal import FRESH_STEPS, Moment, Rehearsal


def remembered(lengths, room=10_000, streams=4, window=5, stay=3.0):
    """Return a rehearsal of stretches of these lengths; each moment's label and picture tell its number."""
    rehearsal, number = Rehearsal(streams, window, room, stay), 0
    for stretch, length in enumerate(lengths):
        for _ in range(length):
            small = torch.full((3, 2, 2), number % 256, dtype=torch.uint8)
            rehearsal.add(Moment(small, torch.full((6,), float(number)), 1.0, float(number), stretch))
            number += 1
    return rehearsal


def unlabelled(number):
    return Moment(torch.zeros(3, 2, 2, dtype=torch.uint8), torch.full((6,), float(number)), 1.0, None, 0)


def test_windows_are_what_was_driven_and_streams_go_on_where_they_were():
    rehearsal, before, begun = remembered([40, 3, 57]), torch.full((4,), -1.0), 0
    for _ in range(200):
        windows = rehearsal.draw()
        small, imu, elapsed = windows.inputs
        assert small.shape == (4, 5, 3, 2, 2) and elapsed.shape == (4, 5, 1)
        assert torch.equal(imu[..., 0], windows.labels) and torch.equal(small[:, :, 0, 0, 0].float(), windows.labels)
        assert (windows.labels.diff(dim=1) == 1.0).all()
        first, last = windows.labels[:, 0], windows.labels[:, -1]
        assert ((last < 40) | (first >= 43)).all()
        assert (windows.fresh | (first == before + 1)).all()
        assert torch.equal(windows.counted.sum(1), torch.where(windows.fresh, 5 - FRESH_STEPS, 5))
        before, begun = last, begun + int(windows.fresh.sum())
    assert 200 < begun < 500


def test_the_oldest_are_forgotten_and_what_has_no_label_does_not_count():
    rehearsal = remembered([300], room=60)
    for number in range(300, 320):
        rehearsal.add(unlabelled(number))
    seen, counted = set(), set()
    for windows in filter(None, (rehearsal.draw() for _ in range(300))):
        numbers = windows.inputs[1][..., 0]
        assert windows.counted.any()
        seen |= set(numbers.flatten().tolist())
        counted |= set(numbers[windows.counted].tolist())
    assert (min(seen), max(seen)) == (260.0, 319.0) and max(counted) == 299.0


def test_there_is_nothing_to_rehearse_in_a_moment_or_in_stretches_shorter_than_a_window():
    assert remembered([]).draw() is None
    assert remembered([4]).draw() is None
    assert remembered([4] * 30).draw() is None


def test_without_a_label_there_is_nothing_to_rehearse():
    rehearsal = remembered([])
    for number in range(100):
        rehearsal.add(unlabelled(number))
    assert all(rehearsal.draw() is None for _ in range(20))
