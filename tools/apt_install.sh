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

# Usage: apt_install.sh PACKAGE...   Installs Debian packages, or names the command that does and exits with 2.
set -eu
command="apt-get install -y --no-install-recommends $*"
if ! command -v apt-get > /dev/null; then
    echo "error: this machine has no apt-get: install what Debian calls '$*', then run make again" >&2
    exit 2
elif [ "$(id -u)" = 0 ]; then
    run=
elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
    run='sudo -n'
else
    echo "error: root is needed once. Run this, then make again:  sudo apt-get update && sudo $command" >&2
    exit 2
fi
export DEBIAN_FRONTEND=noninteractive
report=$(mktemp)
echo "$command"
# shellcheck disable=SC2086
if ! { $run apt-get update -q && $run $command; } > "$report" 2>&1; then
    cat "$report" >&2
    echo "error: this failed:  $command" >&2
    exit 2
fi
rm -f "$report"
