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
"""The SROS2 policy lets every node say and hear what it really says and hears, and nobody else command the car."""
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip('rclpy')

import rclpy  # noqa: E402
import ros_rig  # noqa: E402
from test_onboard import Bus  # noqa: E402

from liquid_control.audit.moments import History  # noqa: E402
from liquid_control.audit.session import Source  # noqa: E402
from liquid_control.cli import main  # noqa: E402
from liquid_control.cli.ros_domain import use_private_domain  # noqa: E402
from liquid_control.learning.simulated import new_policy  # noqa: E402
from liquid_control.nodes import pwm  # noqa: E402
from liquid_control.nodes.doctor import Doctor, settings_of  # noqa: E402
from liquid_control.nodes.viewer import Viewer  # noqa: E402
from liquid_control.policy.policy_file import save_policy  # noqa: E402

DOMAIN = ros_rig.own_domain()


def full_name(name, node):
    return name.replace('~/', f'/{node}/') if name.startswith('~/') else '/' + name.lstrip('/')


def allowed():
    """Return enclave -> what it may: 'publish', 'subscribe', 'reply', 'request' -> names."""
    enclaves = {}
    for enclave in ElementTree.parse(ros_rig.ROOT / 'config' / 'sros2' / 'policy.xml').getroot().iter('enclave'):
        rules = enclaves.setdefault(enclave.get('path'), {})
        for profile in enclave.iter('profile'):
            for group in [*profile.findall('topics'), *profile.findall('services')]:
                for kind, value in group.attrib.items():
                    assert value == 'ALLOW'
                    rules.setdefault(kind, set()).update(full_name(name.text, profile.get('node')) for name in group)
    return enclaves


def test_only_the_drive_node_commands_and_only_humans_and_the_trainer_take_over():
    def who(kind, name):
        return {path.rpartition('/')[2] for path, rules in allowed().items() if name in rules.get(kind, ())}

    assert who('publish', '/cmd_vel') == who('publish', '/drive') == {'drive'}
    assert who('publish', '/cmd_vel_teleop') == {'teleop', 'trainer'}
    assert who('publish', '/camera/image_raw') == who('publish', '/imu/data_raw') == {'sensors', 'simulator'}
    assert who('publish', '/clock') == {'simulator'}
    assert who('request', '/drive/set_parameters') == {'operator'}
    assert who('request', '/drive/engage') == {'operator', 'teleop'}
    assert who('request', '/drive/set_parameters_atomically') == {'operator', 'trainer'}


def refusal(arguments, **environment):
    """Return what a drive node says that ROS does not let start."""
    ended = subprocess.run([sys.executable, '-m', 'liquid_control.nodes.drive', '--ros-args', *arguments],
                           env=os.environ | {'ROS_DOMAIN_ID': str(DOMAIN), **environment}, capture_output=True,
                           text=True, timeout=ros_rig.PATIENCE_S)
    lines = [line for line in ended.stderr.splitlines() if line.startswith('error: ')]
    assert ended.returncode == 2 and len(lines) == 1 and 'Traceback' not in ended.stderr
    return lines[0]


def test_a_node_that_cannot_have_its_keys_does_not_start(tmp_path):
    said = refusal(['--enclave', '/liquid_control/drive'], ROS_SECURITY_ENABLE='true', ROS_SECURITY_STRATEGY='Enforce',
                   ROS_SECURITY_KEYSTORE=str(tmp_path))
    assert 'ROS refuses to start' in said


@pytest.mark.parametrize('verb', ['view', 'doctor'])
def test_a_tool_that_cannot_have_its_keys_says_so_in_one_line(verb, monkeypatch, tmp_path, capsys):
    for name, value in (('ENABLE', 'true'), ('STRATEGY', 'Enforce'), ('KEYSTORE', str(tmp_path))):
        monkeypatch.setenv(f'ROS_SECURITY_{name}', value)
    monkeypatch.setattr(os, 'nice', lambda _: 0)
    assert main([verb]) == 2
    keys = {'view': 'view', 'doctor': 'operator'}[verb]
    said = capsys.readouterr().err
    assert 'ROS refuses to start' in said and f'/liquid_control/{keys}' in said and said.count('\n') == 1


def test_a_private_domain_has_no_keys():
    os.environ['ROS_SECURITY_ENABLE'] = 'true'
    use_private_domain()
    assert 'ROS_SECURITY_ENABLE' not in os.environ


@pytest.mark.parametrize('text', ['a: [', '/**: {ros__parameters: {policy: ' + '[' * 500])
def test_a_hostile_parameter_file_is_one_line(tmp_path, text):
    (tmp_path / 'p.yaml').write_text(text)
    assert 'p.yaml' in refusal(['--params-file', str(tmp_path / 'p.yaml')])


def done_beyond(keys, name, observer):
    """Return what a node does and its keys do not allow, as another node or the node itself sees it."""
    graph = {'publish': observer.get_publisher_names_and_types_by_node,
             'subscribe': observer.get_subscriber_names_and_types_by_node,
             'reply': observer.get_service_names_and_types_by_node,
             'request': observer.get_client_names_and_types_by_node}
    may = allowed()[f'/liquid_control/{keys}']
    return {(kind, topic) for kind in graph for topic, _ in graph[kind](name, '/') if topic not in may.get(kind, ())}


@pytest.mark.parametrize('name', ['drive', 'simulator', 'trainer'])
def test_a_node_may_do_all_that_it_does(name, tmp_path):
    save_policy(new_policy('ltc', 'small', 0), tmp_path / 'p.safetensors')
    parameters = {'drive': {'policy': tmp_path / 'p.safetensors', 'autostart': 'true'}, 'simulator': {},
                  'trainer': {'folder': tmp_path / 'loop', 'autostart': 'false'}}[name]
    process = ros_rig.Process(f'liquid_control.nodes.{name}', DOMAIN, parameters)
    rig = ros_rig.Rig(DOMAIN)
    last = {'drive': '/drive/policy', 'simulator': '/odom', 'trainer': '/cmd_vel_teleop'}[name]

    def publishes():
        if (name, '/') in rig.node.get_node_names_and_namespaces():
            return {topic for topic, _ in rig.node.get_publisher_names_and_types_by_node(name, '/')}
        return set()

    try:
        rig.until(lambda: last in publishes(), what=last)
        assert not done_beyond(name, name, rig.node)
    finally:
        rig.close()
        process.end()


@pytest.fixture
def context():
    rclpy.init(args=[], domain_id=DOMAIN)
    yield
    rclpy.shutdown()


def test_the_tools_and_the_chassis_may_do_all_that_they_do(context, tmp_path, monkeypatch):
    monkeypatch.setattr(pwm, 'open_bus', lambda *_: Bus())
    view, doctor, chassis = Viewer(Source(History(), None, {}, tmp_path), None), Doctor('', {}), pwm.PwmNode()
    doctor.observe(0.0, settings_of(None, ''), None, patience_s=0.0)
    beyond = {keys: done_beyond(keys, node.get_name(), node)
              for keys, node in (('view', view), ('operator', doctor), ('base', chassis))}
    chassis.close()
    for node in view, doctor, chassis:
        node.destroy_node()
    assert beyond == {'view': set(), 'operator': set(), 'base': set()}
