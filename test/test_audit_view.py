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

"""``liquid-control view --bag``: a bag through the policy, over a real WebSocket, without ROS."""
import asyncio
import math
import socket
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

pytest.importorskip('aiohttp')
pytest.importorskip('rosbags')

import aiohttp  # noqa: E402
import audit_rig  # noqa: E402
from audit_rig import view, with_page  # noqa: E402

from liquid_control.audit.live_adaptation import adaptation  # noqa: E402
from liquid_control.audit.moments import History, Moment  # noqa: E402
from liquid_control.cli import main  # noqa: E402
from liquid_control.recording.bag import FLOATS, open_bag  # noqa: E402

PICTURES = 105


@pytest.fixture(scope='module')
def recorded(tmp_path_factory):
    bag = tmp_path_factory.mktemp('view') / 'bag'
    return bag, audit_rig.drive_into_bag(bag, PICTURES)


@pytest.fixture(scope='module')
def shown(recorded):
    """The address of a page that shows the bag, and where it saves moments."""
    out = recorded[0].parent / 'saved'
    with view('--bag', str(recorded[0]), '--out', str(out)) as address:
        yield address, out


@pytest.mark.parametrize(('host', 'code'), [
    ('127.0.0.1:1', 200), ('localhost', 200), ('[::1]:8080', 200), (socket.gethostname(), 200),
    ('evil.example:8080', 403), ('localhost.evil.example', 403), ('127.0.0.1.evil.example', 403), ('', 403)])
def test_a_foreign_name_that_points_here_opens_nothing(shown, host, code):
    request = urllib.request.Request(shown[0], headers={'Host': host})
    try:
        got = urllib.request.urlopen(request, timeout=30).status
    except urllib.error.HTTPError as error:
        got = error.code
    assert got == code


def test_a_page_receives_wiring_pictures_saliency_neurons_and_currents(shown, recorded):
    async def talk(page):
        wiring = (await page.kind('hello'))['wiring']
        assert (len(wiring['sensory']), len(wiring['synapses']), len(wiring['features'])) == (192, 60, 32)
        assert [wiring['kinds'].count(kind) for kind in ('inter', 'command', 'motor')] == [12, 6, 1]
        frame = await page.kind('frame')
        picture, mask = (cv2.imdecode(np.frombuffer(frame[name], np.uint8), cv2.IMREAD_COLOR)
                         for name in ('picture', 'mask'))
        assert picture.shape == (144, 192, 3) and mask.max() > 100
        assert (len(frame['x']), len(frame['tau']), len(frame['sensory']), len(frame['inner'])) == (19, 19, 192, 60)
        assert max(map(abs, frame['sensory'])) == 127
        decision = recorded[1][round((frame['stamp'] - 1e-9 * audit_rig.START_NS) / audit_rig.PERIOD_S)]
        assert frame['steering'] == pytest.approx(decision.steering_rad, abs=1e-4)
        np.testing.assert_allclose(frame['x'], decision.neurons, atol=1e-3)
        np.testing.assert_allclose(frame['tau'], 1e3 * decision.time_constants, rtol=0.02)
        status = await page.until(lambda message: message.get('twins'), 'the twins')
        assert status['status']['source'] == 'bag'
        assert status['twins']['same current'] > 0.001 and 0.0 <= status['twins']['same target'] < 0.1
    with_page(shown[0], talk)


def test_a_page_pauses_goes_back_explains_and_saves(shown, recorded):
    async def talk(page):
        await page.until(lambda message: 'at its end' in str(message.get('status', '')), 'the end')
        await page.kind('timeline', pause=True)
        await page.ask(seek=0.5)
        frame = await page.until(lambda message: message.get('place', -1) == round(0.5 * (PICTURES - 1)), 'the middle')
        decision = recorded[1][frame['place']]

        command = await page.told('command', 0)
        parts = [command[name] for name in ('direct', 'rest', 'memory', 'bias', 'clamp')]
        total = sum(share for _, share in command['shares']) + sum(parts)
        assert total == pytest.approx(decision.steering_rad, abs=1e-4) == pytest.approx(command['total'], abs=1e-4)
        assert len(command['path']['synapses']) > 2 and len(command['path']['sensory']) > 2
        assert max(abs(value) for row in command['regions'] for value in row) > 0.0

        neuron = await page.told('neuron', 3)
        total = sum(row[2] for row in neuron['feeds']) + neuron['rest'] + neuron['memory']
        assert total == pytest.approx(float(decision.neurons[3]), abs=2e-3)
        await page.ask(select=['neuron', 3])
        line = await page.until(lambda message: message.get('neuron') == 3, 'its line')
        assert len(line['x']) == len(line['t']) == len(line['tau']) > 100
        feature = await page.told('feature', 5)
        assert len(feature['moves']) == 6 and len(feature['regions']) == 6

        for nonsense in '{', '[]', '{"seek":"x","select":["neuron",999],"ack":[],"pause":7}', '[' * 3000:
            await page.link.send_str(nonsense)
        saved = await page.kind('saved', save=True)
        assert saved['pictures'] == PICTURES
        with open_bag(saved['path']) as bag:
            assert {topic.name: topic.count for topic in bag.topics} == {
                '/camera/image_raw/compressed': PICTURES, '/imu/data_raw': PICTURES, '/drive/neurons': PICTURES}
            neurons = next(topic for topic in bag.topics if topic.kind == FLOATS)
            message = bag.decode(neurons, list(bag.raw_messages([neurons]))[frame['place']][2])
        assert [(dim.label, dim.size) for dim in message.layout.dim] == [('quantity', 2), ('neuron', 19)]
        np.testing.assert_allclose(message.data[:19], decision.neurons, atol=1e-5)
        np.testing.assert_allclose(message.data[19:], decision.time_constants, rtol=1e-3)
    with_page(shown[0], talk)


def test_a_page_that_does_not_keep_up_gets_two_frames_then_the_newest_and_smaller_ones(shown):
    async def talk(page):
        await page.until(lambda message: 'at its end' in str(message.get('status', '')), 'the end')
        page.acknowledges = False
        await page.kind('timeline', pause=True)
        before = len(page.frames)
        for share in np.linspace(0.1, 0.9, 9):
            await page.ask(seek=float(share))
            await asyncio.sleep(0.05)
        for _ in range(2):
            await page.kind('status')
        assert len(page.frames) - before <= 2
        await page.ask(ack=page.frames[-1]['number'])
        newest = await page.kind('frame')
        assert newest['place'] == round(0.9 * (PICTURES - 1))
        status = await page.until(lambda message: message.get('quality', 0) > 0, 'a lower quality')
        assert status['quality'] == 1 and newest['bytes'] < page.frames[0]['bytes']
    with_page(shown[0], talk)


def test_what_is_served_comes_from_here_and_other_sites_are_refused(shown):
    async def foreign():
        async with aiohttp.ClientSession() as session:
            await session.ws_connect(f'{shown[0]}ws', origin='http://elsewhere.example')
    with pytest.raises(aiohttp.WSServerHandshakeError, match='403'):
        asyncio.run(foreign())
    with urllib.request.urlopen(shown[0]) as answer:
        page = answer.read().decode()
        assert "default-src 'none'" in answer.headers['Content-Security-Policy']
    assert 'http' not in page.replace('http://www.apache.org/licenses/LICENSE-2.0', '')
    for path in 'page/../server.py', 'page/%2e%2e/server.py', 'page/none.js':
        with pytest.raises(urllib.error.HTTPError, match='40'):
            urllib.request.urlopen(shown[0] + path)


@pytest.mark.parametrize(('arguments', 'said'), [
    (['--port', '70000'], 'error: port 70000 is outside 0 to 65535; give one from 1024 to 65535, or 0 for a free one'),
    (['--port', '{taken}', '--bag', '{bag}'], 'error: port {taken} of 127.0.0.1 is taken; give another with --port'),
    (['--host', '203.0.113.1', '--port', '0', '--bag', '{bag}'], "error: the page cannot be served on '203.0.113.1'"),
    (['--bag', 'nowhere'], "error: bag 'nowhere' does not exist"),
    (['--bag', '{bag}', '--policy', 'nowhere'], "error: policy 'nowhere' is not a file")])
def test_bad_input_is_one_line_and_code_2(arguments, said, recorded, capsys):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        values = {'taken': listener.getsockname()[1], 'bag': recorded[0]}
        assert main(['view', *(word.format(**values) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(said.format(**values)) and error.count('\n') == 1


def moment(number, stamp_s, steering=0.0, light=0.5, tau=0.1, size=10):
    state = np.zeros(2, np.float32)
    return Moment(number, stamp_s, bytes(size), light, np.zeros(6), np.zeros(3), state, 1.0, state,
                  np.array([tau, 0.5]), steering, math.nan, math.nan, math.nan, '', '', 0.0)


def test_history_keeps_a_minute_and_begins_anew_when_time_goes_back():
    history, told = History(), []
    end = history.listen(lambda: told.append(history.latest().number))
    for number in range(1000):
        history.add(moment(number, 0.1 * number))
    kept = history.moments()
    assert (kept[0].number, kept[-1].number, len(told)) == (399, 999, 1000)
    end()
    history.add(moment(1000, 3.0))
    assert [kept.number for kept in history.moments()] == [1000] and len(told) == 1000
    for number in range(40):
        history.add(moment(number, 4.0 + number, size=8 * 1024 * 1024))
    assert len(history.moments()) == 16


def test_adaptation_tells_curves_from_straights_and_light_from_dark():
    moments = [moment(number, 0.1 * number, steering=0.3 * (number % 2), light=0.2 + 0.4 * (number > 50),
                      tau=0.2 if number % 2 else 0.05) for number in range(100)]
    found = adaptation(moments, 0.4)
    assert found['turn'] == [[50.0, 500.0], [200.0, 500.0]]
    assert found['light'] is not None
    still = [moment(number, 0.1 * number) for number in range(100)]
    assert adaptation(still, 0.4)['light'] is None and adaptation(still[:10], 0.4) == {'turn': None, 'light': None}
