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

"""The drive node: pictures and IMU in, commands out, as a lifecycle node.

Everything that decides is in ``driving/``; here are topics, parameters, clocks and the lifecycle.
"""
import gc
import os
import sys
import threading
import time

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, Imu
from std_msgs.msg import Float32MultiArray
from std_srvs.srv import SetBool

from liquid_control.driving.command import STAND, from_twist
from liquid_control.driving.limits import Limits
from liquid_control.driving.load_runner import check_policy, load_runner
from liquid_control.driving.newest import Newest
from liquid_control.driving.phase_lock import PhaseLock
from liquid_control.driving.pilot import Answer, Picture, Pilot, Tick
from liquid_control.driving.record import Record
from liquid_control.driving.stops import Stops
from liquid_control.driving.successor import Successor, Wish
from liquid_control.driving.supervisor import State
from liquid_control.driving.watchdog import Watchdog
from liquid_control.errors import InputError
from liquid_control.nodes.camera_input import IMAGE_TOPIC, CameraInput
from liquid_control.nodes.command_gate import CommandGate
from liquid_control.nodes.command_message import CommandMessage
from liquid_control.nodes.diagnostics import diagnostics
from liquid_control.nodes.drive_settings import drive_settings
from liquid_control.nodes.neurons_message import NeuronsMessage
from liquid_control.nodes.real_time import take_priority
from liquid_control.nodes.running import run
from liquid_control.nodes.settings import declare, refusal_of
from liquid_control.simulation.car import default_car

NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
COMMAND = QoSProfile(depth=1)
IMU_TOPIC, TELEOP_TOPIC = 'imu/data_raw', 'cmd_vel_teleop'
WATCH_S = 0.025
CLOCK_TIMEOUT_S = 0.1
CLOCK_STILL = '/clock stands still'
LOOK_S = 0.1
REPORT_S = 1.0
FLUSH_S = 0.3
SWITCH_INTERVAL_S = 1e-4
"""A tick lets go of Python's lock a dozen times; so long, each time, may another thread keep it."""
POLICY_SETTINGS = {'policy', 'policy_sha256'}
LEVELS = {State.DRIVING: DiagnosticStatus.OK, State.TAKEOVER: DiagnosticStatus.OK,
          State.DISENGAGED: DiagnosticStatus.WARN, State.STOPPED: DiagnosticStatus.WARN,
          State.ERROR: DiagnosticStatus.ERROR}


class DriveNode(LifecycleNode):
    """Drives while active; stands, and says why, in every other case.

    Callbacks store the newest message. The tick reads it: on the steady clock, in simulation on ROS time. When the
    camera runs at the control rate, ``PhaseLock`` lets the arrival of a picture be the tick. A command's stamp is that
    of the picture it answers, so that a receiver knows how old the view behind it is.
    """

    def __init__(self) -> None:
        super().__init__('drive', automatically_declare_parameters_from_overrides=True)
        self._settings = drive_settings()
        self._refusals = declare(self, self._settings)
        self._pilot: Pilot | None = None
        self._box = None
        self._between_ticks = threading.Event()
        self._active = False
        self._last: Tick | None = None
        self._told = ('', '')
        self._trouble = '; '.join(self._refusals)
        self._reported_s = self._watched_s = self._ticked_s = 0.0
        self._conflict = self._swap_trouble = ''
        self._clock_s, self._still_s = 0.0, 0.0
        self._overdue = 0
        self._record = Record()
        self._stops = Stops()
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.create_service(SetBool, '~/engage', self._engage)
        self.create_timer(WATCH_S, self._watch, clock=self._steady)
        if self._value('autostart'):
            self._starting = self.create_timer(0.0, self._autostart, clock=self._steady)
        elif self._refusals:
            self.get_logger().error(self._trouble)

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load, compile and warm up the policy; FAILURE with one line when something given is unusable."""
        try:
            if self._refusals:
                raise InputError('; '.join(self._refusals))
            self._set_up()
        except Exception as error:  # noqa: B902 rclpy would hide it
            self._trouble = str(error) if isinstance(error, InputError) else f'internal error: {_one_line(error)}'
            self.get_logger().error(f'not configured: {self._trouble}')
            return TransitionCallbackReturn.FAILURE
        self._trouble = ''
        gc.collect()
        gc.freeze()
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to tick."""
        result = super().on_activate(state)
        self._simulated = bool(self.get_parameter('use_sim_time').value)
        clock = self.get_clock() if self._simulated else self._steady
        self._active = True
        self._restart()
        self._timer = self.create_timer(self._schedule.period_s, self._wake, clock=clock)
        self._jumps = clock.create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True),
            post_callback=lambda _: self._jumped()) if self._simulated else None
        self._watchdog = Watchdog(self._expire, self._value('camera_timeout_s'))
        self._rearm(self._now())
        refusal = take_priority(self._value('real_time_priority'))
        if refusal:
            self.get_logger().info(refusal)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the car, then stop to tick."""
        self._watchdog.close()
        self._stand()
        self._active = False
        self.destroy_timer(self._timer)
        if self._jumps is not None:
            self._jumps.unregister()
        self._last = None
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the policy and leave the topics."""
        self._tear_down()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the car and leave the topics."""
        if self._active:
            self.on_deactivate(state)
        self._tear_down()
        return super().on_shutdown(state)

    def fail(self, error: Exception) -> None:
        """Stop the car until it is engaged again: a callback raised what it should not."""
        line = _one_line(error)
        self.get_logger().error(f'internal error, the car is stopped: {line}', throttle_duration_sec=1.0)
        if self._pilot is not None:
            self._pilot.supervisor.fail(line)
        if self._active:
            self._stand()
            self._schedule.ticked(self._now())
            self._rearm(self._now())

    def close(self) -> None:
        """Stop the car and wait until the command has arrived."""
        if self._active:
            self._watchdog.close()
            self._stand()
            self._gate.flush(FLUSH_S)
            self.trigger_deactivate()
        self._close_black_box()

    # Set-up

    def _set_up(self) -> None:
        camera = default_car().camera
        message = CommandMessage(self._value('command_type'), self._value('wheelbase_m'))
        self._loaded = self._wish()
        runner = load_runner(self._loaded.policy, self._loaded.sha256, camera.height_px, camera.width_px)
        self._policy_file = runner.file
        self._successor = Successor(camera.height_px, camera.width_px)
        self._swaps = 0
        self._schedule = PhaseLock(self._value('control_rate_hz'))
        self._input_topics = self.resolve_topic_name(IMAGE_TOPIC), self.resolve_topic_name(IMU_TOPIC)
        self._pilot = Pilot(
            runner,
            Newest('camera', self._input_topics[0], self._value('camera_timeout_s'), 'camera_timeout_s'),
            Newest('IMU', self._input_topics[1], self._value('imu_timeout_s'), 'imu_timeout_s'),
            self._limits(), self._schedule.period_s, self.get_logger().warning)
        self._neurons_message = NeuronsMessage()
        self._commands = self.create_lifecycle_publisher(message.type, message.topic, COMMAND)
        self._gate = CommandGate(self._commands, message, self._pilot.supervisor)
        self._neurons = self.create_lifecycle_publisher(Float32MultiArray, '~/neurons', COMMAND)
        self._answers = self.create_lifecycle_publisher(TwistStamped, '~/policy', COMMAND)
        self._answer_message = CommandMessage('twist_stamped', message.wheelbase_m)
        self._inputs = [
            self.create_subscription(Imu, IMU_TOPIC, self._hear_imu, NEWEST),
            self.create_subscription(TwistStamped, TELEOP_TOPIC, self._hear_human, COMMAND)]
        self._camera = CameraInput(self, self._hear_picture, NEWEST)
        self._box = self._black_box() if self._value('black_box_mib') else None

    def _black_box(self):
        from liquid_control.nodes.black_box import NodeBlackBox, topics_of  # torch comes with the policy
        camera = default_car().camera
        box = NodeBlackBox(self, self._value('black_box_folder'), self._value('black_box_mib'),
                           self._value('wheelbase_m'), (camera.height_px, camera.width_px),
                           topics_of(self, IMU_TOPIC, 'cmd_vel'), self._between_ticks)
        box.drives(self._policy_file)
        return box

    def _close_black_box(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            box.close()

    def _tear_down(self) -> None:
        if self._pilot is None:
            return
        self._close_black_box()
        self._camera.close()
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        for publisher in self._commands, self._neurons, self._answers:
            self.destroy_lifecycle_publisher(publisher)
        self._pilot = None

    def _autostart(self) -> None:
        if self._starting is None:
            return  # the executor had queued the timer twice
        self.destroy_timer(self._starting)
        self._starting = None
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def _restart(self) -> None:
        self._pilot.forget()
        self._schedule.restart(self._now())
        self._record.restart()
        self._ticked_s = time.monotonic()

    def _jumped(self) -> None:
        """Stand and start afresh in the new time; whatever is wrong here must not reach the clock, which called."""
        try:
            self._restart()
            self._stand()
            self._rearm(self._now())
        except Exception as error:  # noqa: B902 the car must not depend on which
            self.fail(error)

    # Inputs

    def _hear_picture(self, message: Image | CompressedImage) -> None:
        if not self._active:
            return
        self._between_ticks.clear()
        received_ns = time.monotonic_ns()
        stamp_s = _seconds(message.header.stamp)
        now = self._now()
        if self._simulated and now < stamp_s < now + self._schedule.period_s:
            now = stamp_s  # The picture overtook the /clock message of its time.
        self._pilot.hear_picture(message, now, stamp_s, now if self._simulated else time.time(), received_ns)
        if self._schedule.ticks_on_picture(now):
            self._tick(now)
        else:
            self._rearm(now)
            self._between_ticks.set()

    def _hear_imu(self, message: Imu) -> None:
        if self._active:
            now = self._now()
            self._pilot.hear_imu(message, now, _seconds(message.header.stamp), now if self._simulated else time.time())
            if self._box is not None:
                self._box.hear_imu(message)

    def _hear_human(self, message: TwistStamped) -> None:
        if not self._active:
            return
        command = from_twist(message.twist.linear.x, message.twist.angular.z, self._gate.message.wheelbase_m)
        if command.finite:
            self._pilot.supervisor.take_over(command, self._now())
        else:
            self.get_logger().warning(f'{TELEOP_TOPIC} is not finite and ignored', throttle_duration_sec=1.0)

    def _engage(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._pilot is not None
        response.message = ('engaged' if request.data else 'disengaged') if self._pilot else 'not configured'
        if self._pilot is not None:
            self._pilot.engage(request.data)
        if self._active and not request.data:
            self._stand()
        return response

    # Ticks

    def _wake(self) -> None:
        now = self._now()
        if self._schedule.ticks_at(now):
            self._tick(now)
        else:
            self._rearm(now)

    def _tick(self, now: float) -> None:
        self._between_ticks.clear()
        tick = self._pilot.tick(now, self._gate.heard)
        self._publish(tick)
        if tick.answer is not None:
            self._publish_answer(tick.answer)
        done = self._now()
        self._schedule.ticked(done)
        self._rearm(done)
        self._watchdog.feed()
        self._note(tick)
        self._between_ticks.set()
        if self._ticked_s > self._watched_s + LOOK_S:
            self._look_around()

    def _publish(self, tick: Tick) -> None:
        answers = tick.picture
        timely = answers is not None and answers.timely
        stamp = answers.message.header.stamp if timely else self.get_clock().now().to_msg()
        self._gate.send(tick.command, stamp)
        published_ns = time.monotonic_ns()
        self._record.tick(published_ns)
        if answers is not None and (self._last is None or answers is not self._last.picture):
            on_system_clock = timely and not self._simulated
            self._record.answered(published_ns - answers.steady_ns, _age_ns(answers) if on_system_clock else None)
        self._ticked_s = 1e-9 * published_ns
        self._last = tick

    def _note(self, tick: Tick) -> None:
        stopped = self._stops.see(tick.state, tick.reason, time.monotonic())
        if self._box is not None:
            self._box.see(tick, stopped)

    def _publish_answer(self, answer: Answer) -> None:
        self._neurons.publish(self._neurons_message.filled(answer.neurons, answer.time_constants))
        if answer.command.finite and self._answers.get_subscription_count():
            stamp = answer.picture.message.header.stamp
            self._answers.publish(self._answer_message.filled(answer.command, stamp))

    def _stand(self) -> None:
        self._gate.stand(self.get_clock().now().to_msg())

    def _expire(self) -> None:
        """Stand while this node's own thread is busy with something else, such as a policy that does not answer."""
        self._overdue += 1
        self._stand()

    def _rearm(self, now: float) -> None:
        self._timer.timer_period_ns = max(int(1e9 * (self._schedule.wake_s - now)), 1000)
        self._timer.reset()

    def _now(self) -> float:
        return 1e-9 * self.get_clock().now().nanoseconds if self._simulated else time.monotonic()

    # Parameters

    def _value(self, name: str):
        return self.get_parameter(name).value

    def _limits(self) -> Limits:
        names = 'max_speed_mps', 'max_steering_rad', 'max_steering_rate_radps'
        return Limits(*(float(self._value(name)) for name in names))

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        refusal = refusal_of(self._settings, parameters, configured=self._pilot is not None)
        if self._active and any(parameter.name == 'use_sim_time' for parameter in parameters):
            refusal = 'use_sim_time can only change while the node is inactive; deactivate it first'
        given = {parameter.name: parameter.value for parameter in parameters if parameter.name in POLICY_SETTINGS}
        if given and not refusal and self._pilot is not None:
            refusal = _refusal_of_policy(self._wish(**given))
        return SetParametersResult(successful=not refusal, reason=refusal)

    def _wish(self, **given: str) -> Wish:
        values = {name: self._value(name) for name in POLICY_SETTINGS} | given
        return Wish(values['policy'], values['policy_sha256'])

    def _apply_parameters(self, parameters: list[Parameter]) -> None:
        names = {parameter.name for parameter in parameters}
        self._refusals = [refusal for refusal in self._refusals if refusal.split(' = ')[0] not in names]
        if self._pilot is None:
            return
        self._pilot.supervisor.limiter.limits = self._limits()
        self._pilot.camera.timeout_s = self._value('camera_timeout_s')
        self._pilot.imu.timeout_s = self._value('imu_timeout_s')
        if self._active:
            self._watchdog.limit_s = self._value('camera_timeout_s')
        for message in self._gate.message, self._answer_message:
            message.wheelbase_m = self._value('wheelbase_m')
        if names & POLICY_SETTINGS:
            self._successor.ask(self._wish())
        if 'control_rate_hz' in names:
            self._schedule.set_rate(self._value('control_rate_hz'))
            self._pilot.health.period_s = self._schedule.period_s
            if self._active:
                self._schedule.restart(self._now())
                self._rearm(self._now())

    # Watching

    def _watch(self) -> None:
        """Look around while there are no ticks; with ticks, it is done just after one, when nothing else is due."""
        if self._active:
            self._watchdog.feed()
        if self._active and self._simulated:
            self._watch_clock()
        now = time.monotonic()
        if now > self._watched_s + LOOK_S and (not self._active or now > self._ticked_s + LOOK_S):
            self._look_around()

    def _watch_clock(self) -> None:
        """Stop when /clock has not moved for as long as a picture may be old.

        Watches are counted, not seconds: in a process that did not run for a while, /clock waits to be read.
        """
        now = self._now()
        self._still_s = self._still_s + WATCH_S if now == self._clock_s else 0.0
        self._clock_s = now
        if self._still_s >= max(self._value('camera_timeout_s'), CLOCK_TIMEOUT_S):
            self._stop_without_clock()

    def _look_around(self) -> None:
        """Do what ticks do not: about ten times a second."""
        self._watched_s = now = time.monotonic()
        if self._pilot is not None:
            self._swap_policy()
            if self._box is not None:
                self._box.look_around()
        if self._active:
            self._camera.look_around()
        state, reason = self._condition()
        if (state, reason) != self._told:
            self._log_condition(state, f'{state}: {reason}' if reason else state)
        if (state, reason) != self._told or now - self._reported_s >= REPORT_S:
            self._told, self._reported_s = (state, reason), now
            self._report(state, reason)

    def _swap_policy(self) -> None:
        """Let a policy that was set while driving take over as soon as it is compiled; called between ticks."""
        try:
            ready = self._successor.take()
        except Exception as error:  # noqa: B902 whatever it is, the old policy drives on
            self._swap_trouble = f'{self._value("policy")} was not loaded, the old policy drives on: {_one_line(error)}'
            self.get_logger().error(self._swap_trouble)
            return
        if ready is not None:
            self._loaded, runner = ready
            self._pilot.swap(runner)
            self._policy_file = runner.file
            if self._box is not None:
                self._box.drives(runner.file)
            self._swaps += 1
            self._swap_trouble = ''
            self.get_logger().info(f'from now on drives {self._loaded.policy}')

    def _log_condition(self, state: str, line: str) -> None:
        """Log a change of condition; rclpy wants one severity for each line of code that logs."""
        if self._pilot is None:
            return
        if state in ('driving', 'inactive', 'unconfigured'):
            self.get_logger().info(line)
        else:
            self.get_logger().warning(line)

    def _stop_without_clock(self) -> None:
        self._stand()
        self._pilot.forget()
        if self._last is None or self._last.reason != CLOCK_STILL:
            self._last = Tick(STAND, State.STOPPED, CLOCK_STILL, None, None)
            self._note(self._last)

    def _condition(self) -> tuple[str, str]:
        if self._pilot is None:
            return 'unconfigured', self._trouble
        if not self._active:
            return 'inactive', ''
        if self._last is None:
            return State.STOPPED.value, 'waiting for the first tick'
        return self._last.state.value, self._last.reason

    def _report(self, state: str, reason: str) -> None:
        values: dict[str, object] = {'state': state, 'reason': reason}
        level = DiagnosticStatus.ERROR if reason and self._pilot is None else DiagnosticStatus.OK
        if self._pilot is not None:
            values |= self._pilot_values()
        if self._active and self._last is not None:
            level = max(LEVELS[self._last.state], DiagnosticStatus.WARN if self._conflict else DiagnosticStatus.OK)
            level = max(level, DiagnosticStatus.WARN if self._swap_trouble else DiagnosticStatus.OK)
        told = f'{state}: {reason}' if reason else state, self._conflict, self._swap_trouble
        message = '; '.join(filter(None, told))
        self._diagnostics.publish(diagnostics(
            self.get_clock().now().to_msg(), self.get_fully_qualified_name().lstrip('/'), self._policy_in_use(),
            level, message, values))

    def _policy_in_use(self) -> str:
        return str(self._value('policy')) if self._pilot is None else self._loaded.policy

    def _pilot_values(self) -> dict[str, object]:
        pilot, limiter = self._pilot, self._pilot.supervisor.limiter
        publishers = self.count_publishers(self._gate.topic)
        self._conflict = '; '.join(f'{count} publishers on {topic}' for topic, count in (
            (topic, self.count_publishers(topic)) for topic in (self._gate.topic, *self._input_topics)) if count > 1)
        return self._record.values() | self._stops.values(time.monotonic()) | {
            'policy_loaded': self._loaded.policy, 'policy_sha256': self._policy_file.sha256, 'swaps': self._swaps,
            'phase_locked': self._schedule.locked if self._active else False,
            'pictures_received': pilot.camera.received, 'pictures_answered': pilot.answered,
            'pictures_dropped': pilot.camera.dropped, 'pictures_rejected': pilot.camera.rejected,
            'imu_received': pilot.imu.received, 'imu_rejected': pilot.imu.rejected,
            'clamps': limiter.clamps, 'slews': limiter.slews,
            'overruns': pilot.health.overruns, 'not_finite': pilot.health.not_finite,
            'refused': self._gate.refused, 'overdue': self._overdue, 'stamps': pilot.stamp_notes,
            'command_publishers': publishers, **(self._box.values() if self._box is not None else {})}


def _seconds(stamp: Time) -> float:
    return stamp.sec + 1e-9 * stamp.nanosec


def _age_ns(picture: Picture) -> int:
    return time.time_ns() - (picture.message.header.stamp.sec * 1_000_000_000 + picture.message.header.stamp.nanosec)


def _refusal_of_policy(wish: Wish) -> str:
    try:
        check_policy(wish.policy, wish.sha256)
    except Exception as error:  # noqa: B902 whatever is wrong with it, the old policy drives on
        return str(error) if isinstance(error, InputError) else f'policy cannot be read: {_one_line(error)}'
    return ''


def _one_line(error: Exception) -> str:
    return ' '.join(f'{type(error).__name__}: {error}'.split())


def main() -> int:
    """Run the drive node."""
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    return run(DriveNode)


if __name__ == '__main__':
    sys.exit(main())
