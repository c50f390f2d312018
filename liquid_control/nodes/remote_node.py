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

"""Asking another node for something without waiting for it."""
from collections.abc import Callable
from typing import Any

from rcl_interfaces.srv import SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter


class RemoteParameters:
    """Sets parameters of another node; the answer comes by callback, on the executor of this node."""

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        self._client = node.create_client(SetParametersAtomically, f'{name}/set_parameters_atomically')

    @property
    def there(self) -> bool:
        """Whether the other node can be asked."""
        return self._client.service_is_ready()

    def set(self, values: dict[str, Any], answered: Callable[[bool, str], None]) -> bool:
        """Set several parameters together; return False, and ask nothing, if the other node is not there.

        :param answered: called with whether they were taken, and why not.
        """
        if not self.there:
            return False
        parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        future = self._client.call_async(SetParametersAtomically.Request(parameters=parameters))
        future.add_done_callback(lambda done: _pass_on(done, answered))
        return True


def _pass_on(done: Any, answered: Callable[[bool, str], None]) -> None:
    if done.cancelled() or done.exception() is not None:
        answered(False, 'no answer')
    else:
        answered(done.result().result.successful, done.result().result.reason)
