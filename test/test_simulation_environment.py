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

"""The Gymnasium environment."""
import math
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from liquid_control.errors import InputError
from liquid_control.simulation.environment import OFF_ROAD_PENALTY, DrivingEnv
from liquid_control.simulation.track_spec import load_track


@pytest.fixture
def env():
    env = DrivingEnv('random:5', seed=3, random_start=False)
    yield env
    env.close()


def follow(env: DrivingEnv, info: dict, speed: float) -> np.ndarray:
    """Return the action that steers towards the centre line 0.7 m ahead."""
    x, y, yaw = env.world.pose()
    to_x, to_y, _ = env.track.pose(info['s'] + 0.7)
    angle = math.atan2(to_y - y, to_x - x) - yaw
    steering = math.atan(2.0 * 0.33 * math.sin(angle) / 0.7)
    return np.clip(np.array([steering / 0.42, speed]), -1.0, 1.0).astype(np.float32)


def test_gymnasium_accepts_it():
    env = DrivingEnv('random:0', render_mode='rgb_array')
    with warnings.catch_warnings():
        # Its advice to normalise an observation that has no bounds; an IMU has none.
        warnings.filterwarnings('ignore', message='.*A Box observation space m.*')
        # Without an entry in Gymnasium's registry it cannot try other render modes.
        warnings.filterwarnings('ignore', message='.*Not able to test alternative render modes.*')
        warnings.filterwarnings('error', category=DeprecationWarning)
        check_env(env, skip_render_check=False)
    env.close()


def test_a_step_is_a_camera_period_and_shows_what_the_world_shows(env):
    observation, info = env.reset()
    assert info['time'] == 0.0 and info['progress'] == 0.0
    for k in range(1, 31):
        observation, _, terminated, truncated, info = env.step(follow(env, info, 0.0))
        assert info['time'] == pytest.approx(k / 30.0, abs=1e-3)
        assert not terminated and not truncated
    assert info['speed'] == pytest.approx(1.0, rel=0.02)
    assert np.array_equal(observation['picture'], env.world.camera())
    assert observation['picture'].dtype == np.uint8 and observation['imu'].dtype == np.float32


def test_rewards_add_up_to_the_progress_and_a_lap_truncates(env):
    _, info = env.reset()
    total, steps, truncated = 0.0, 0, False
    while not truncated:
        _, reward, terminated, truncated, info = env.step(follow(env, info, 0.8))
        assert not terminated
        total, steps = total + reward, steps + 1
        assert steps < 2000
    assert total == pytest.approx(info['progress'])
    assert env.track.length <= info['progress'] < env.track.length + 0.2


def test_leaving_the_road_terminates_with_a_penalty(env):
    env.reset()
    terminated = False
    for _ in range(300):
        _, reward, terminated, truncated, info = env.step(np.array([1.0, 0.0], np.float32))
        if terminated:
            break
    assert terminated and not truncated
    assert reward < -0.9 * OFF_ROAD_PENALTY
    assert not env.track.on_road(info['s'], info['lateral'])


def test_standing_still_runs_into_the_time_limit():
    env = DrivingEnv('random:5', time_limit_s=1.0)
    env.reset(seed=0)
    ends = [env.step(np.array([0.0, -1.0], np.float32))[2:4] for _ in range(30)]
    assert ends == [(False, False)] * 29 + [(False, True)]
    env.close()


def test_a_seed_makes_episodes_repeat_and_episodes_differ():
    env = DrivingEnv('random:5')
    first, info = env.reset(seed=11)
    other, other_info = env.reset()
    again, again_info = env.reset(seed=11)
    assert np.array_equal(first['picture'], again['picture']) and np.array_equal(first['imu'], again['imu'])
    assert info == again_info
    assert other_info['s'] != info['s']
    for seed in range(30):
        _, info = env.reset(seed=seed)
        assert env.track.on_road(info['s'], info['lateral'])
    env.close()
    by_option = DrivingEnv('random:5', seed=11)
    assert np.array_equal(by_option.reset()[0]['picture'], first['picture'])
    by_option.close()


def test_it_runs_inside_gymnasium_wrappers():
    env = gymnasium.wrappers.TimeLimit(DrivingEnv('random:2'), 5)
    env.reset(seed=1)
    assert [env.step(env.action_space.sample() * 0.0)[3] for _ in range(5)] == [False] * 4 + [True]
    env.close()


@pytest.mark.parametrize('options, word', [
    ({'track': 'random:x'}, 'random:'), ({'track': 'missing.csv'}, 'cannot be read'), ({'laps': 0}, 'laps'),
    ({'time_limit_s': math.nan}, 'time limit'), ({'max_speed_mps': 9.0}, 'top speed'), ({'friction': -1.0}, 'friction'),
    ({'render_mode': 'human'}, 'render mode')])
def test_unusable_options_are_named_in_one_line(options, word):
    with pytest.raises(InputError, match=word) as caught:
        DrivingEnv(**options)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('action', [[math.nan, 0.0], [0.0, math.inf], [0.0], [0.0, 0.0, 0.0]])
def test_unusable_actions_are_refused(env, action):
    env.reset()
    with pytest.raises(InputError, match='two finite numbers'):
        env.step(np.array(action))


def test_the_track_is_the_one_of_the_spec(env):
    assert np.array_equal(env.track.centre, load_track('random:5').centre)
