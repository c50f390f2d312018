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

"""The drive node with one more callback, which raises: the only way to make it meet a fault of its own program."""
import sys

from std_msgs.msg import Empty

from liquid_control.nodes.drive import DriveNode
from liquid_control.nodes.running import run


class RaisingDriveNode(DriveNode):
    """Raises when it is told to on ``~/raise``."""

    def __init__(self) -> None:
        super().__init__()
        self.create_subscription(Empty, '~/raise', self._raise, 1)

    def _raise(self, _: Empty) -> None:
        raise ZeroDivisionError('a fault that was asked for')


if __name__ == '__main__':
    sys.exit(run(RaisingDriveNode))
