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

"""ROS parameters with a description, limits, and reasons when a value is refused."""
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

ROS_NAMES = ('use_sim_time', 'start_type_description_service')


@dataclass(frozen=True)
class Setting:
    """One parameter.

    :param default: its type is the parameter's; whole numbers are welcome where a float is.
    :param low, high: limits of a number.
    :param choices: allowed texts; empty for any.
    :param fixed: whether it may only change while the node is unconfigured.
    """

    name: str
    default: Any
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    fixed: bool = False

    def refusal(self, value: Any) -> str:
        """Return why a value cannot be taken, or an empty text."""
        if not self._fits_type(value):
            return f'{self.name} = {value!r} is not a {type(self.default).__name__}; give for example {self.default!r}'
        if self.choices and value not in self.choices:
            return f"{self.name} = '{value}' is not one of {', '.join(self.choices)}; give one of these"
        if self.low is not None and not self.low <= value <= self.high:
            return f'{self.name} = {value:g} is outside {self.low:g} to {self.high:g}; give a value within these limits'
        return ''

    def descriptor(self) -> ParameterDescriptor:
        """Return what ROS tools show of it."""
        descriptor = ParameterDescriptor(name=self.name, description=self.description, dynamic_typing=True)
        descriptor.additional_constraints = self._constraints()
        if isinstance(self.default, float) and self.low is not None:
            descriptor.floating_point_range = [FloatingPointRange(from_value=self.low, to_value=self.high)]
        elif isinstance(self.default, int) and self.low is not None:
            descriptor.integer_range = [IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)]
        return descriptor

    def _fits_type(self, value: Any) -> bool:
        if isinstance(self.default, float):
            return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return type(value) is type(self.default)

    def _constraints(self) -> str:
        parts = [f'one of {", ".join(repr(choice) for choice in self.choices)}'] if self.choices else []
        return '; '.join(parts + ['only while the node is unconfigured'] * self.fixed)


def declare(node: Node, settings: Iterable[Setting]) -> list[str]:
    """Declare parameters and take the values given at start; return a line for each value that was refused.

    A refused parameter keeps its default. The node must have been made with
    ``automatically_declare_parameters_from_overrides=True``.
    """
    refusals = []
    known = {setting.name: setting for setting in settings}
    for name in list(node.get_parameters_by_prefix('')):
        if name not in known and name not in ROS_NAMES and not name.startswith('qos_overrides'):
            refusals.append(f"parameter '{name}' is unknown; known: {', '.join(known)}")
    for setting in known.values():
        given = _given(node, setting.name)
        node.declare_parameter(setting.name, setting.default, setting.descriptor(), ignore_override=True)
        if given is None:
            continue
        refusal = setting.refusal(given)
        if refusal:
            refusals.append(refusal)
        else:
            node.set_parameters([Parameter(setting.name, value=type(setting.default)(given))])
    return refusals


def refusal_of(settings: Iterable[Setting], parameters: Iterable[Parameter], configured: bool) -> str:
    """Return why a change of parameters cannot be taken, or an empty text."""
    known = {setting.name: setting for setting in settings}
    for parameter in parameters:
        setting = known.get(parameter.name)
        if setting is None:
            continue
        if setting.fixed and configured:
            return (f'{setting.name} can only change while the node is unconfigured; '
                    'clean the node up, or start it again with the new value')
        refusal = setting.refusal(parameter.value)
        if refusal:
            return refusal
    return ''


def _given(node: Node, name: str) -> Any:
    if not node.has_parameter(name):
        return None
    value = node.get_parameter(name).value
    node.undeclare_parameter(name)
    return value
