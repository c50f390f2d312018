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

"""The page in a real browser, beside a car that drives: headless Chromium, at the size of a desk and of a phone."""
import shutil
import time

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('aiohttp')
pytest.importorskip('rosbags')
pytest.importorskip('selenium')

import ros_rig  # noqa: E402
from audit_rig import view  # noqa: E402
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402

from liquid_control.share import share_path  # noqa: E402

BROWSER = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
DRIVER = shutil.which('chromedriver')
DESK, PHONE = (1440, 900), (390, 844)
PATIENCE_S = 60.0
OPTIONS = ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars',
           '--no-first-run', '--disable-background-networking')

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason='no Chromium with chromedriver; on Debian: apt install chromium chromium-driver')


@pytest.fixture(scope='module')
def car(tmp_path_factory):
    """The address of the page of a simulated car that drives, and the simulator."""
    domain = ros_rig.own_domain()
    nodes = [
        ros_rig.Process('liquid_control.nodes.simulator', domain, {'track': 'random:1000003'}),
        ros_rig.Process('liquid_control.nodes.drive', domain, {
            'policy': share_path('models/ncp19.safetensors'), 'autostart': True, 'use_sim_time': True})]
    try:
        with view('--out', str(tmp_path_factory.mktemp('saved')), domain=domain) as page:
            yield page, nodes[0]
    finally:
        for node in reversed(nodes):
            node.end()


@pytest.fixture(scope='module')
def address(car):
    return car[0]


@pytest.fixture(scope='module')
def chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


class Browser:
    """A page that is open."""

    def __init__(self, driver, address: str, size: tuple[int, int], scheme: str) -> None:
        self.driver = driver
        self.command('Emulation.setDeviceMetricsOverride', width=size[0], height=size[1], deviceScaleFactor=1,
                     mobile=size == PHONE)
        self.command('Emulation.setTouchEmulationEnabled', enabled=size == PHONE)
        self.command('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        driver.get(address)
        self.until(lambda: self.text('condition') == 'driving' and 'picture to command' in self.text('link-figures'),
                   'driving')

    def command(self, name: str, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self, name: str) -> str:
        return self.run('return document.getElementById(arguments[0]).textContent', name)

    def until(self, true, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            seen = self.run('return document.body.innerText')
            assert time.monotonic() < deadline, f'waited in vain for {what}; the page says: {seen}'
            time.sleep(0.1)

    def tap(self, name: str) -> None:
        """Click where an element is, as a finger or a mouse would."""
        place = self.run('const it = document.getElementById(arguments[0]); it.scrollIntoView({block: "center"});'
                         'const box = it.getBoundingClientRect();'
                         'return [box.x + box.width / 2, box.y + box.height / 2]', name)
        for kind in 'mousePressed', 'mouseReleased':
            self.command('Input.dispatchMouseEvent', type=kind, x=place[0], y=place[1], button='left', clickCount=1)

    def camera(self) -> str:
        return self.run('return document.getElementById("camera").toDataURL()')

    def check_layout(self, width: int) -> None:
        """Nothing is wider than the screen, and no two parts overlap."""
        assert self.run('return document.documentElement.scrollWidth') == width
        boxes = self.run('return [...document.querySelectorAll("main > section")].map((part) => {'
                         'const box = part.getBoundingClientRect();'
                         'return [part.id, box.left, box.top, box.right, box.bottom]})')
        assert [box[0] for box in boxes] == ['see', 'network', 'why', 'adapt']
        for number, (one, left, top, right, bottom) in enumerate(boxes):
            assert left >= 0 and right <= width and bottom - top > 60
            for other, *edges in boxes[number + 1:]:
                apart = edges[0] >= right or edges[2] <= left or edges[1] >= bottom or edges[3] <= top
                assert apart, f'{one} and {other} overlap'

    def check_silence(self, address: str) -> None:
        """No errors, and nothing came from anywhere else."""
        assert self.driver.get_log('browser') == []
        names = self.run('return performance.getEntriesByType("resource").map((entry) => entry.name)')
        assert len(names) >= 6 and all(name.startswith(address) for name in names)


def test_at_a_desk_all_of_a_running_drive_is_there_and_can_be_asked(chromium, address, tmp_path):
    page = Browser(chromium, address, DESK, 'light')
    assert page.run('return document.querySelectorAll("#wiring .node").length') == 32 + 19 + 1
    assert page.run('return document.querySelectorAll("#wiring .synapse").length') == 252
    assert page.run('return document.querySelectorAll("#wiring .synapse.inhibits").length') > 50
    assert page.run('return [...document.querySelectorAll("#wiring > text")].map((text) => text.textContent)') == [
        'sensory 32', 'inter 12', 'command 6', 'motor 1']
    figures = page.text('link-figures')
    for name in 'control rate', 'receipt to command', 'picture to command', 'dropped, late', 'trace':
        assert name in figures
    page.until(lambda: 'm/s' in page.text('command-figures'), 'a picture')
    page.until(lambda: page.text('link') == 'live', 'live')
    widths = 'return [...document.querySelectorAll("#wiring .synapse")].map((it) => it.getAttribute("stroke-width"))'
    first, picture = page.run(widths), page.camera()
    page.until(lambda: page.run(widths) != first and page.camera() != picture, 'the picture and the currents to move')
    page.until(lambda: 'exact' in page.text('link-figures'), 'a tick that is repeated exactly')

    page.tap('neuron-3')
    page.until(lambda: page.text('why-title') == 'command 3' and '= state' in page.text('detail'), 'what feeds it')
    assert 'What it moves' in page.text('detail') and 'motor 0' in page.text('detail')
    for chart in 'trace', 'tau':
        page.until(lambda chart=chart: len(page.run(
            f'return document.querySelector("#{chart} .line")?.getAttribute("d") ?? ""')) > 100, chart)
    assert page.run('return document.querySelectorAll("#wiring .node.near").length') > 3

    page.tap('pause')
    page.until(lambda: page.text('link') == 'paused' and page.text('pause') == 'Go live', 'the pause')
    page.tap('command')
    page.until(lambda: '= command' in page.text('detail') and page.text('path'), 'the path back')
    assert page.run('return document.querySelectorAll("#path li").length') > 3
    assert 'Marked: parts that turn the car' in page.text('overlay-note')
    shares = page.run('return [...document.querySelectorAll("#detail .value")].map((value) => value.textContent)')
    *parts, total = [float(share.replace('−', '-').rstrip('°')) for share in shares]
    assert sum(parts) == pytest.approx(total, abs=0.006 * len(parts))
    marked = page.camera()
    page.tap('close')
    page.until(lambda: page.camera() != marked and 'VisualBackProp' in page.text('overlay-note'), 'saliency')
    salient = page.camera()
    page.tap('saliency')
    page.until(lambda: page.camera() != salient, 'the bare picture')

    page.run('const it = document.getElementById("scrub"); it.value = 200;'
             'it.dispatchEvent(new Event("input")); it.dispatchEvent(new Event("change"))')
    page.until(lambda: 'before the pause' in page.text('when'), 'the past')
    page.tap('save')
    page.until(lambda: 'pictures to' in page.text('saved'), 'the bag')
    page.tap('pause')
    page.until(lambda: page.text('when') == 'live', 'the present')
    page.until(lambda: page.run('return document.querySelectorAll("#dumbbells .change").length') == 19,
               'the time constants of curves and straights')
    page.check_layout(DESK[0])
    assert chromium.save_screenshot(str(tmp_path / 'desk.png'))
    page.check_silence(address)


def test_on_a_phone_it_fits_and_a_tap_tells_why(chromium, address, tmp_path):
    page = Browser(chromium, address, PHONE, 'dark')
    assert page.run('return getComputedStyle(document.body).backgroundColor') == 'rgb(18, 19, 21)'
    page.check_layout(PHONE[0])
    page.tap('neuron-3')
    page.until(lambda: 'command 3 turns the car by' in page.text('wiring-note'), 'its effect')
    page.tap('command')
    page.until(lambda: '= command' in page.text('detail') and page.text('path'), 'the path back')
    page.check_layout(PHONE[0])
    small = page.run('return [...document.querySelectorAll("button, input, #detail *")].filter((it) => '
                     'parseFloat(getComputedStyle(it).fontSize) < 11).length')
    assert small == 0
    assert chromium.save_screenshot(str(tmp_path / 'phone.png'))
    page.check_silence(address)


def test_when_the_car_stops_the_page_says_why(chromium, car):
    page = Browser(chromium, car[0], DESK, 'light')
    car[1].end()
    page.until(lambda: page.text('condition') == 'stopped', 'the stop')
    page.until(lambda: '/clock stands still' in page.text('reason'), 'the reason')
    page.until(lambda: page.text('link') == 'the drive node is silent', 'the silence')
    page.check_silence(car[0])
