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

"""The closed loop itself: drive, be corrected, learn, drive again.

Pure: the car, the disk's folder and the learner are handed in, and so is the time.
"""
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from liquid_control.driving.command import Command
from liquid_control.errors import InputError
from liquid_control.learning.loop.champion import Contender, checked, crown
from liquid_control.learning.loop.collection import Collection
from liquid_control.learning.loop.contest import Contest
from liquid_control.learning.loop.journal import Journal
from liquid_control.learning.loop.learner_request import make_request
from liquid_control.learning.loop.plan import Plan
from liquid_control.learning.loop.recorder import Recorder
from liquid_control.learning.loop.report import in_words, make_report, write_report
from liquid_control.learning.loop.road import Odometry
from liquid_control.learning.loop.sampler import Circumstances, Taken
from liquid_control.learning.loop.states import DRIVING, Event, State, follow
from liquid_control.learning.loop.supervision import LearnerProcess
from liquid_control.learning.loop.swap import Swap
from liquid_control.learning.loop.ways import Way
from liquid_control.learning.loop.work_folder import WorkFolder

FRESH_S = 0.5
REFUSALS = 90
LEARNER_FAILURES = 3
REJECTIONS_UNTIL_AFRESH = 4
DRIVE_VALUES = ('state', 'rate_hz', 'period_p99_ms', 'swaps')
"""What is noted of the drive node with everything that happens, as of the seconds before."""
NOT_ABLE = ('disengaged', 'inactive', 'unconfigured')


class ClosedLoop:
    """Collects, learns and tries until the plan is fulfilled.

    :param standing: the policy to begin with.
    :param say: takes a line that people should read.
    :param changed: called after every change of the state.
    :raises InputError: if the journal or a bag of an earlier session cannot be read.
    """

    def __init__(self, plan: Plan, folder: WorkFolder, journal: Journal, recorder: Recorder, learner: LearnerProcess,
                 swap: Swap, way: Way, standing: Contender, say: Callable[[str], None],
                 changed: Callable[[], None]) -> None:
        self.plan, self.way, self.swap, self.standing = plan, way, swap, standing
        self._folder, self._journal, self._learner = folder, journal, learner
        self._say, self._changed = say, changed
        self._collection = Collection(recorder, way, self._circumstances, self._took)
        self.recorder, self.pairing, self.clock = recorder, self._collection.pairing, self._collection.clock
        self._contest, self._candidate = Contest(way, swap), standing
        self.state = State.IDLE
        self.reason = 'call ~/start'
        self.learning: dict[str, Any] = {}
        self.score: float | None = None
        self._journal_problem = self._told_problem = ''
        self._drive: dict[str, str] = {}
        self._drive_state, self._odometry_s = '', float('-inf')
        self._failures = self._rejections = 0
        self._take_up()

    def _take_up(self) -> None:
        """Go on where the last session ended."""
        judged = self._journal.all('judged')
        self.round = max((int(line['round']) for line in judged), default=0) + 1
        self._goal_from = 1
        self._collection.go_on(next((line for line in reversed(self._journal.lines) if 'driven_s' in line), {}))
        self._tell('session', found=self.recorder.found, plan=asdict(self.plan), policy=str(self.standing.path))

    # What people ask for

    def start(self, now_s: float) -> None:
        """Begin, or go on after a pause, after an error or with further rounds.

        :raises InputError: if it is under way already.
        """
        if self.state is State.DONE:
            self._goal_from = self.round
        follow(self.state, Event.START)
        self.recorder.resume()
        self._failures = 0
        self._learner.start()
        self._move(Event.START, f'round {self.round} with {self.standing.path.name}', now_s)

    def pause(self, now_s: float) -> None:
        """Stop to command, to record and to learn; the best policy goes back into the drive node.

        :raises InputError: if it is not under way.
        """
        self._move(Event.PAUSE, 'asked to pause; call ~/start to go on', now_s)

    def save(self) -> str:
        """Finish the bag, write the report and return it as one line; the next sample begins another bag.

        :raises InputError: if the disk does not take it.
        """
        self.recorder.split()
        report = make_report(self._journal, self.values())
        write_report(self._folder.report, report)
        return in_words(report)

    def fail(self, reason: str, now_s: float) -> None:
        """Stop for good: something inside went wrong."""
        if self.state in (State.IDLE, *DRIVING):
            self._move(Event.FAILED, reason, now_s)

    def close(self, now_s: float) -> None:
        """End: leave the best policy in the drive node, everything on disk, and the learner ended."""
        if self.state in DRIVING:
            self._collection.flush()
            self.swap.want(self.standing, now_s)
        self._learner.stop()
        self._tell('end', state=self.state.value)
        try:
            self._say(self.save())
        except InputError as error:
            self._say(str(error))

    # What comes in

    def see_picture(self, stamp_ns: int, message: Any, now_s: float) -> None:
        """Take a picture message."""
        if stamp_ns > 0:
            self.clock.see(stamp_ns, now_s)
        if self.state not in DRIVING:
            return
        if stamp_ns > 0:
            self._collection.see(stamp_ns, message, now_s)
            self._tell_recording()
        else:
            self._collection.leave_out('the picture has no stamp')

    def see_odometry(self, odometry: Odometry, now_s: float) -> Command | None:
        """Take where the car truly is; return what to command, None to leave the car to the policy."""
        self._odometry_s = now_s
        pictures_ns = self.clock.now_ns(now_s)
        fresh = self.clock.age_s(now_s) < FRESH_S and abs(odometry.stamp_ns - pictures_ns) < 1e9 * FRESH_S
        if not fresh or self.state not in DRIVING:
            return None
        return self.way.see(odometry, now_s, self.swap.loaded and self._drive_state not in NOT_ABLE)

    def hear_drive(self, values: dict[str, str]) -> None:
        """Take what the drive node says of itself in the diagnostics."""
        self._drive_state = values.get('state', '')
        self._drive = {name: values[name] for name in DRIVE_VALUES if name in values}
        self.swap.hear(values.get('policy_sha256', ''))

    def tick(self, now_s: float) -> None:
        """Do what is due; some times a second."""
        for message in self._learner.said():
            self._hear_learner(message, now_s)
        self.swap.tick(now_s, insist=self.state in DRIVING)
        if self.state in DRIVING:
            self._collection.record_ready(now_s)
            self._tell_recording()
        if self.state is State.COLLECT:
            self._check_collected(now_s)
        elif self.state is State.TRY:
            self._contest.tick(self.learning, now_s)
            if self._contest.over:
                self._judge(now_s)

    # Collecting

    def _circumstances(self) -> Circumstances:
        trying = self.state is State.TRY
        labelled = not trying or self.way.labels_trials
        return Circumstances(self.round, self.state.value, labelled, labelled and self.way.labels_all,
                             trying or self.way.helps(self.standing))

    def _took(self, taken: Taken) -> None:
        self.way.took(taken, self.state is State.TRY and self._contest.driving)

    def _check_collected(self, now_s: float) -> None:
        self._measure_standing()
        if self.way.left_alone() and self.round > self._goal_from:
            self._move(Event.FINISHED, 'the policy was left alone', now_s)
            return
        if self._fulfilled():
            self._move(Event.FINISHED, self._fulfilled(), now_s)
        elif self.way.enough():
            self._move(Event.COLLECTED, f'{self.recorder.samples} samples', now_s)

    def _measure_standing(self) -> None:
        score = self.way.standing_score()
        if score is not None and not self.standing.untrained:
            self.standing = self.standing.scored(score)

    def _fulfilled(self) -> str:
        """Return why there is nothing more to do, or an empty text."""
        scores = [line['score'] for line in self._journal.all('judged') if line['round'] >= self._goal_from]
        return self.plan.fulfilled(scores, self.round - self._goal_from)

    # Learning

    def _ask_learner(self) -> None:
        self.way.learn()
        self.learning = {'progress': 0.0}
        self._learner.learn(make_request(self.plan, self._folder, self.round, self._pupil()))

    def _pupil(self) -> Path | None:
        """Return what the next lesson goes on from, None for an untrained policy.

        A candidate that did not drive well enough has still learned most; one that was rejected again and again may be
        stuck. Online, everything new is learned once, so only what drives may be gone on from.
        """
        if self._rejections and self.plan.learn != 'fptt':
            return self._candidate.path if self._rejections % REJECTIONS_UNTIL_AFRESH else None
        return None if self.standing.untrained else self.standing.path

    def _hear_learner(self, message: dict[str, Any], now_s: float) -> None:
        if 'done' in message and self.state is State.LEARN:
            self._learned(message['done'], now_s)
        elif 'error' in message and self.state is State.LEARN:
            self._nothing_learned(str(message['error']), now_s)
        elif 'progress' in message:
            self.learning = message

    def _learned(self, done: dict[str, Any], now_s: float) -> None:
        self.learning = done
        try:
            candidate = checked(self._folder.candidate(self.round), self.round)
        except (InputError, OSError) as error:
            self._nothing_learned(str(error), now_s)
            return
        self._failures = 0
        self._measure_standing()
        self._candidate = candidate
        self._move(Event.LEARNED, f"{done.get('samples', '?')} samples learned", now_s)

    def _nothing_learned(self, reason: str, now_s: float) -> None:
        self._failures += 1
        self.learning = {}
        if self._failures >= LEARNER_FAILURES:
            self._move(Event.FAILED, f'the learner failed {self._failures} times in a row: {reason}', now_s)
        else:
            self._move(Event.NOTHING_LEARNED, reason, now_s)

    # Trying

    def _begin_try(self, now_s: float) -> None:
        contenders = [self._candidate]
        if self.standing.score is None and self.way.tried_by_driving(now_s):
            contenders.append(self.standing)
        self._contest.begin(contenders, self.standing.score or 0.0, now_s)

    def _judge(self, now_s: float) -> None:
        """Keep the candidate or the standing policy, and go on."""
        candidate, *others = self._contest.scored
        if others:
            self.standing = others[0]
        self._collection.flush()
        kept = candidate.score >= (self.standing.score or 0.0)
        self.score = candidate.score
        self._tell(
            'judged', score=candidate.score, best_score=candidate.score if kept else self.standing.score, kept=kept,
            summary='; standing policy: '.join(self._contest.words), policy=candidate.path.name,
            sha256=candidate.sha256, learned=self.learning)
        if kept:
            self._rejections = 0
            self.standing = candidate
            self._crown(candidate)
        else:
            self._rejections += 1
        verdict = f"score {candidate.score:.3f}, {'kept' if kept else 'not kept'} ({self._contest.words[0]})"
        self.round += 1
        done = self._fulfilled()
        self._move(Event.FINISHED if done else Event.JUDGED, f'{verdict}; {done}' if done else verdict, now_s)
        self.recorder.split()

    def _crown(self, candidate: Contender) -> None:
        try:
            crown(candidate, self._folder)
        except InputError as error:
            self._say(f'the best policy stays where it is, {candidate.path}: {error}')

    # States

    def _move(self, event: Event, reason: str, now_s: float) -> None:
        """Follow an event to another state and tell of it.

        :raises InputError: if the event means nothing now.
        """
        before, after = self.state, follow(self.state, event)
        if before in DRIVING:
            self._collection.flush()
        elif after in DRIVING:
            self.pairing.forget()
        self.state, self.reason = after, reason
        self._tell('state', before=before.value, state=after.value, because=event.value, reason=reason)
        self._say(f'{before.value} -> {after.value}: {reason}')
        self._enter(before, now_s)
        self._changed()

    def _enter(self, before: State, now_s: float) -> None:
        if before is State.LEARN and self.state is not State.TRY:
            self._stop_learner()
        if self.state is State.TRY:
            self._begin_try(now_s)
            return
        self.swap.want(self.standing, now_s)
        if self.state in DRIVING:
            self.way.drive(self.standing, self.standing.untrained, now_s)
        else:
            self.way.rest()
            self._save_quietly()
        if self.state is State.LEARN:
            self._ask_learner()

    def _stop_learner(self) -> None:
        if self._learner.busy:
            self._learner.stop()

    def _save_quietly(self) -> None:
        try:
            self.save()
        except InputError as error:
            self._say(str(error))

    # Telling

    @property
    def problem(self) -> str:
        """What a person should look after, or an empty text."""
        return '; '.join(filter(None, (self.recorder.problem, self._journal_problem)))

    def waiting_for(self, now_s: float) -> str:
        """Return what is missing while the loop should go on, or an empty text."""
        sampler = self._collection.sampler
        if self.state not in DRIVING or sampler is None:
            return ''
        if self.clock.age_s(now_s) > 1.0:
            return 'no pictures come'
        if self.way.labels_all and now_s - self._odometry_s > 1.0:
            return 'no odometry comes, which the expert needs'
        if not self.swap.seen:
            return 'no drive node tells of itself'
        if not self.swap.loaded:
            return f'the drive node does not have {self.swap.wanted.path.name} yet {self.swap.refusal}'.strip()
        if self._drive_state in NOT_ABLE:
            return f'the drive node is {self._drive_state}'
        return f'pictures are left out: {sampler.refusal}' if sampler.refusals > REFUSALS else ''

    def values(self) -> dict[str, Any]:
        """Return every figure of the loop."""
        return self._counts() | {
            'teacher': self.plan.teacher, 'missing': dict(self.pairing.missing), 'bags': str(self._folder.bags),
            'best': {'policy': str(self.standing.path), 'sha256': self.standing.sha256, 'round': self.standing.round,
                     'score': self.standing.score}}

    def _counts(self) -> dict[str, Any]:
        return {'state': self.state.value, 'round': self.round} | self._collection.counts()

    def _tell(self, event: str, **values: Any) -> None:
        """Write to the journal, and to the bag while one is written or begins."""
        line = {'event': event, 'time': time.time()} | self._counts() | {'drive': self._drive} | values
        try:
            self._journal.write(line)
            self._journal_problem = ''
        except InputError as error:
            self._journal_problem = str(error)
        if event in ('state', 'judged'):
            self._collection.event(line)

    def _tell_recording(self) -> None:
        problem = self.recorder.problem
        if problem and problem != self._told_problem:
            self._say(problem)
            self._changed()
        self._told_problem = problem
