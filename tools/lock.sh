#!/bin/sh
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
#
# Write requirements/lock.txt anew: every package but torch at one version, with the SHA-256 of each of its files, for
# Python 3.11 to 3.13 on Linux. Usage: tools/lock.sh PYTHON, the interpreter of an environment that has uv.
set -eu
cd "$(dirname "$0")/.."
"$1" -m uv pip compile setup.py --all-extras --universal --python-version 3.11 --generate-hashes --quiet \
    --no-header --no-annotate --override requirements/without_torch.txt --output-file requirements/lock.txt
