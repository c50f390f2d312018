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

"""Whether the nodes on a topic can talk to each other: types, QoS, how many."""
from liquid_control.readiness.finding import Finding, ok, wrong
from liquid_control.readiness.observation import Endpoint, Observation, Topic


def check_source(check: str, topic: Topic, heard: int, start: str) -> Finding:
    """Check a topic that the drive node listens to.

    :param heard: messages that arrived.
    :param start: what to start when nobody publishes.
    """
    if not topic.publishers:
        elsewhere = f', or remap {topic.alike[0]} to it' if topic.alike else ''
        return wrong(check, f'nobody publishes {topic.name}',
                     f'{start}{elsewhere}; check that ROS_DOMAIN_ID is the same everywhere')
    trouble = _trouble(check, topic, topic.publishers)
    if trouble is not None:
        return trouble
    publisher = topic.publishers[0].node
    if not heard:
        return wrong(check, f'{publisher} publishes {topic.name}, but nothing arrives',
                     'look at the log of that node; between machines, check firewall and multicast')
    if len(topic.publishers) > 1:
        return wrong(check, f'{len(topic.publishers)} publishers on {topic.name}: {_names(topic.publishers)}',
                     'stop all but one, or give each camera or IMU a topic of its own')
    return ok(check, f'{topic.name} from {publisher}')


def check_chassis(seen: Observation) -> Finding:
    """Check that somebody takes the commands."""
    topic = seen.command_topic
    if not topic.subscribers:
        return wrong('chassis', f'nobody takes commands from {topic.name}',
                     'start the driver of the chassis, or remap its command topic to this one')
    trouble = _trouble('chassis', topic, topic.subscribers)
    if trouble is not None:
        return trouble
    return ok('chassis', f'{topic.name} goes to {_names(topic.subscribers)}')


def check_command_publishers(seen: Observation) -> Finding:
    """Check that nobody but one drive node commands the car."""
    check, topic = 'command publishers', seen.command_topic
    mine = [end for end in topic.publishers if seen.drive is not None and end.node == seen.drive.name]
    others = [end for end in topic.publishers if end not in mine]
    if others:
        return wrong(check, f'{_names(others)} publishes {topic.name} beside the drive node',
                     f'stop it, or let it publish {seen.teleop_topic.name}, which takes over and gives back')
    if len(mine) > 1:
        return wrong(check, f'{len(mine)} nodes named {seen.drive.name} publish {topic.name}',
                     'stop all but one, or give each car a namespace')
    return ok(check, f'{mine[0].node} alone' if mine else 'nobody yet, the drive node will be alone')


def check_teleop(seen: Observation) -> Finding:
    """Check that a human who sends commands is heard."""
    topic = seen.teleop_topic
    if not topic.publishers:
        return ok('teleop', f'nobody publishes {topic.name}: no human can take over by joystick')
    return _trouble('teleop', topic, topic.publishers) or ok(
        'teleop', f'{_names(topic.publishers)} can take over')


def _trouble(check: str, topic: Topic, ends: tuple[Endpoint, ...]) -> Finding | None:
    """Return a difference of type or QoS."""
    for end in ends:
        if end.kind != topic.kind:
            remedy = ('set command_type to the type that the chassis takes: twist_stamped, twist or ackermann'
                      if check == 'chassis' else f'let {end.node} use {topic.kind}, or another topic name')
            return wrong(check, f'{end.node} has {end.kind} on {topic.name}, the drive node {topic.kind}', remedy)
    for end in ends:
        if end.mismatch:
            return wrong(check, f'QoS of {end.node} on {topic.name} does not match the drive node: {end.mismatch}',
                         f'set the QoS of {end.node} to what the drive node {_has(check)}')
    return None


def _has(check: str) -> str:
    return 'offers: reliable, volatile, no deadline' if check == 'chassis' else (
        'asks for: reliable' if check == 'teleop' else 'asks for: best effort, volatile, no deadline')


def _names(ends: tuple[Endpoint, ...] | list[Endpoint]) -> str:
    return ', '.join(sorted({end.node for end in ends}))
