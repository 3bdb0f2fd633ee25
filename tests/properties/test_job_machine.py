"""Jobs under random interleavings of askers, workers and sweeps, compared with a model (both databases)."""

import sys

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.jobs import JOB_TYPES, running
from tests.properties.faulty import COMMIT_FAILS, COMMIT_UNCONFIRMED
from tests.properties.job_attempts import Plan, Step
from tests.properties.job_checks import check, drain
from tests.properties.job_world import World

INDEX = st.integers(0, 5)
USER, CRASH, WORKER = st.integers(0, 2), st.sampled_from([0, 0, 0, 1]), st.integers(0, 1)
ABOUT = st.sampled_from(["", "a", "b", "long", "long"])
SECONDS = st.sampled_from([1, 3, 31, 31, 62, 1_900, 86_400 - 100, 86_400, 7 * 86_400])
ENDING = st.sampled_from(["publish", "publish", "publish", "permanent", "transient", "bug", "death"])
FAULT = st.sampled_from([None, None, None, COMMIT_FAILS, COMMIT_UNCONFIRMED])


def named(name: str, *values: st.SearchStrategy) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), *values)


WORK_TO_THE_END = named("work", INDEX, WORKER, st.just(Plan()))
ASK, POLL, CANCEL = named("ask", USER, CRASH, ABOUT), named("poll", USER, INDEX), named("cancel", USER, INDEX)
TICK, SWEEP, NEWER = named("tick", SECONDS), named("sweep"), named("newer", st.integers(0, 1))
HAND_BACK, TIMELY_RENEWAL = named("hand_back", WORKER), named("renew")
MESSAGES = st.one_of(named("enqueue_twice", INDEX), named("lose_message", INDEX), named("flush"))
BETWEEN_WRITES = named(
    "meanwhile", st.integers(0, 2), st.one_of(CANCEL, ASK, SWEEP, HAND_BACK, TIMELY_RENEWAL, WORK_TO_THE_END)
)
JOIN = named("join", USER, INDEX)
SILENCE = st.just((("tick", 31), ("sweep",)))  # for longer than the lease
RENEWED_TOO_LATE = st.just(("several", ("tick", 31), ("sweep",), ("renew",), ("advance",)))
SAVED_IN_TIME = st.just(("several", ("tick", 31), ("meanwhile", 0, ("renew",)), ("sweep",)))
JOINED_AS_ANOTHER_LEAVES = st.builds(
    lambda user, index, writes: (
        "several", ("meanwhile", writes, ("join", 1 - user, index)), ("cancel", user, index),
    ),
    st.integers(0, 1), INDEX, st.integers(0, 1),
)  # fmt: skip
DONE_AND_ASKED_AGAIN = st.builds(
    lambda crash, seconds, join: ("several", ("work", 0, 0, Plan()), ("newer", crash), ("tick", seconds), join),
    CRASH, SECONDS, JOIN,
)  # fmt: skip
INSIDE = st.one_of(
    TICK, SWEEP, CANCEL, ASK, JOIN, POLL, NEWER, HAND_BACK, TIMELY_RENEWAL, RENEWED_TOO_LATE, SAVED_IN_TIME,
    named("preview"), named("advance"), MESSAGES, BETWEEN_WRITES, JOINED_AS_ANOTHER_LEAVES,
)  # fmt: skip


def plans(depth: int) -> st.SearchStrategy[Plan]:
    """What happens to an attempt; others may run in the middle of it, so many deep."""
    deeper = st.deferred(lambda: plans(depth - 1))
    step = INSIDE if depth == 0 else st.one_of(INSIDE, named("work", INDEX, WORKER, deeper))
    drawn = [st.just(()), st.just(()), SILENCE, st.tuples(SAVED_IN_TIME), st.lists(step, max_size=3).map(tuple)]
    steps = st.deferred(lambda: st.one_of(drawn))  # deferred twice to keep its description short
    return st.builds(Plan, steps, st.one_of(st.none(), steps), steps, ENDING, FAULT)


BRIEF = st.builds(Plan, st.just(()), st.sampled_from([None, ()]), st.just(()), ENDING, FAULT)
TAKING_OVER = st.one_of(plans(1), BRIEF, st.just(Plan(ending="death")))  # dead, it holds on to the job


class JobMachine(RuleBasedStateMachine):
    """Each rule does one thing to the product and to the model."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.reset()

    @initialize(steps=st.lists(ASK, min_size=1, max_size=3))
    def first_questions(self, steps: list[Step]) -> None:
        for step in steps:
            self.world.do(step)

    @rule(step=ASK)
    def ask(self, step: Step) -> None:
        self.world.do(step)

    @rule(step=st.one_of(POLL, CANCEL, JOIN))
    def come_back_to_a_job(self, step: Step) -> None:
        self.world.do(step)

    @rule(step=JOINED_AS_ANOTHER_LEAVES)
    def join_as_another_leaves(self, step: Step) -> None:
        self.world.do(step)

    @rule(step=DONE_AND_ASKED_AGAIN)
    def ask_again_when_done(self, step: Step) -> None:
        self.world.do(step)

    @rule(index=INDEX, worker=WORKER, plan=plans(2))
    def work(self, index: int, worker: int, plan: Plan) -> None:
        self.world.do_work(index, worker, plan)

    @rule(
        first=INDEX,
        second=INDEX,
        worker=WORKER,
        outer=st.one_of(BRIEF, plans(0)),
        renews=st.booleans(),
        inner=TAKING_OVER,
    )
    def work_overtaken(self, first: int, second: int, worker: int, outer: Plan, inner: Plan, renews: bool) -> None:
        """The worker falls silent for longer than its lease, and another takes over before it wakes up."""
        overtaken = (("tick", 31), ("sweep",), ("work", second, 1 - worker, inner))
        before = (*overtaken, ("renew",), ("advance",)) if renews else overtaken
        self.world.do_work(first, worker, outer._replace(before=before))

    @rule(step=st.one_of(SWEEP, TICK, NEWER, MESSAGES, HAND_BACK, BETWEEN_WRITES))
    def something_else(self, step: Step) -> None:
        self.world.do(step)

    @invariant()
    def rows_objects_and_model_agree(self) -> None:
        check(self.world)

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            drain(self.world)


def test_jobs_live_as_the_model_says_and_every_one_ends(services, clock, monkeypatch):
    job_types: dict = {}
    # A message is one attempt here: to go on while jobs wait is the same again, and the model learns of each as it ends.
    monkeypatch.setattr(running, "GO_ON_FOR", -1.0)
    world = World(services, clock, job_types)
    for name, job_type in job_types.items():
        monkeypatch.setitem(JOB_TYPES, name, job_type)

    examples = settings().max_examples // (2 if services.db.is_postgresql else 1)  # it takes three times as long
    run_state_machine_as_test(lambda: JobMachine(world), settings=settings(max_examples=examples))
