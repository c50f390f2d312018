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

"""Nothing reaches the car but through the gate, and the gate lets nothing out that the limits do not allow."""
import ast
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from builtin_interfaces.msg import Time  # noqa: E402

from liquid_control.driving.command import STAND, Command  # noqa: E402
from liquid_control.driving.limits import Limiter, Limits  # noqa: E402
from liquid_control.driving.supervisor import Supervisor  # noqa: E402
from liquid_control.nodes.command_gate import CommandGate  # noqa: E402
from liquid_control.nodes.command_message import CommandMessage  # noqa: E402

NODES = Path(__file__).resolve().parents[1] / 'liquid_control' / 'nodes'


@pytest.mark.parametrize('command', [
    Command(0.0, 2.001), Command(0.0, -3.0), Command(0.43, 1.0), Command(-9.0, 0.0), Command(math.nan, 1.0),
    Command(0.0, math.nan), Command(math.inf, 1.0), Command(0.1, -math.inf)])
def test_what_the_limits_do_not_allow_goes_out_as_zero_and_is_counted(command):
    sent = []
    publisher = SimpleNamespace(publish=lambda message: sent.append((message.twist.linear.x, message.twist.angular.z)))
    gate = CommandGate(publisher, CommandMessage('twist_stamped', 0.33), Supervisor(Limiter(Limits(2.0, 0.42, 6.0))))
    gate.send(Command(0.42, -2.0), Time())
    gate.send(command, Time())
    assert sent == [(-2.0, pytest.approx(-2.0 * math.tan(0.42) / 0.33)), STAND] and gate.refused == 1


def _uses(tree, name):
    """Return the innermost function around each use of an attribute of that name."""
    found = []

    def visit(node, function):
        function = node.name if isinstance(node, ast.FunctionDef) else function
        if isinstance(node, ast.Attribute) and node.attr == name:
            found.append(function)
        for child in ast.iter_child_nodes(node):
            visit(child, function)
    visit(tree, '')
    return found


def test_one_place_publishes_commands_and_only_what_the_supervisor_decided_or_zero():
    """The publisher of commands is made, given to the gate and destroyed; nobody else touches it.

    Commands enter the gate from a tick, which holds the supervisor's verdict, and as zero.
    """
    drive = ast.parse((NODES / 'drive.py').read_text())
    assert _uses(drive, '_commands') == ['_set_up', '_set_up', '_tear_down']
    gates = [ast.unparse(node) for node in ast.walk(drive)
             if isinstance(node, ast.Call) and ast.unparse(node.func).startswith('self._gate.')]
    assert sorted(gates) == ['self._gate.flush(FLUSH_S)', 'self._gate.send(tick.command, stamp)',
                             'self._gate.stand(self.get_clock().now().to_msg())']
    assert _uses(ast.parse((NODES / 'command_gate.py').read_text()), 'publish') == ['send']
    pilot = ast.parse((NODES.parent / 'driving' / 'pilot.py').read_text())
    ticks = [ast.unparse(node.args[0]) for node in ast.walk(pilot)
             if isinstance(node, ast.Call) and ast.unparse(node.func) == 'Tick']
    assert ticks == ['verdict.command']


def test_no_other_node_of_a_car_publishes_on_the_command_topic():
    """The trainer goes through cmd_vel_teleop; the empty node is a yardstick of ``bench node``."""
    for path in NODES.rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith('create_publisher'):
                topics = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                assert 'cmd_vel' not in topics or path.name == 'empty.py', path
