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

"""Crash-safe bags of samples: writing, reading and finishing them; each lives in a file of its own."""
from liquid_control.recording.sample import RecordingError, Sample
from liquid_control.recording.sample_reader import Counts, SampleReader, Samples, count_samples, load_samples, read_new
from liquid_control.recording.sample_recovery import Recovered, recover
from liquid_control.recording.sample_writer import SampleWriter, next_bag

__all__ = [
    'Counts', 'RecordingError', 'Recovered', 'Sample', 'SampleReader', 'SampleWriter', 'Samples', 'count_samples',
    'load_samples', 'next_bag', 'read_new', 'recover',
]
