"""Uploads and digests under random interleavings and faults: every log is counted exactly once or rejected (both databases)."""

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

from app import ingest
from app.parsers import PARSERS
from tests.properties.faulty import COMMIT_FAILS, COMMIT_UNCONFIRMED
from tests.properties.log_checks import check, drain
from tests.properties.log_world import Plan, Step, World

INDEX = st.integers(0, 5)
SECONDS = st.sampled_from([1, 5, 5, 61, 121, 121])
CRASHES = st.sampled_from(["a", "b", "ab", "aab", "cba", ""])
FAULT = st.sampled_from([None, None, None, COMMIT_FAILS, COMMIT_UNCONFIRMED])
UPLOAD_FAULT = st.sampled_from([None, None, None, None, "storage fails", COMMIT_FAILS, COMMIT_UNCONFIRMED])
ENDING = st.sampled_from(["parsed", "parsed", "malformed", "transient", "bug", "death"])


def named(name: str, *values: st.SearchStrategy) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), *values)


UPLOAD = named(
    "upload", st.integers(0, 1), st.sampled_from(["log-1", "log-2", "7-1536840000-logs-00001"]), st.sampled_from("xxxy"),
    UPLOAD_FAULT,
)  # fmt: skip
TICK, SWEEP = named("tick", SECONDS), named("sweep")
MESSAGES = st.one_of(named("enqueue_twice", INDEX), named("flush"))
SILENCE = st.just((("tick", 121), ("sweep",)))  # for longer than the lease


def plans(depth: int) -> st.SearchStrategy[Plan]:
    """What happens to a digest; others may run in the middle of it, so many deep."""
    simple = st.one_of(UPLOAD, TICK, SWEEP, MESSAGES)
    inner = st.deferred(lambda: plans(depth - 1))
    step = simple if depth == 0 else st.one_of(simple, named("digest", INDEX, inner))
    steps = st.one_of(st.just(()), SILENCE, st.lists(step, max_size=3).map(tuple))
    return st.builds(Plan, steps, ENDING, CRASHES, st.sampled_from([False] * 5 + [True]), FAULT)


TAKING_OVER = st.one_of(plans(1), st.just(Plan()), st.just(Plan(ending="death")))  # dead, it holds on to the log


class DigestMachine(RuleBasedStateMachine):
    """Each rule does one thing to the product and to the model."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.reset()

    @initialize(steps=st.lists(UPLOAD, min_size=1, max_size=2))
    def first_uploads(self, steps: list[Step]) -> None:
        for step in steps:
            self.world.do(step)

    @rule(step=UPLOAD)
    def upload(self, step: Step) -> None:
        self.world.do(step)

    @rule(index=INDEX, plan=plans(2))
    def digest(self, index: int, plan: Plan) -> None:
        self.world.do_digest(index, plan)

    @rule(first=INDEX, second=INDEX, outer=plans(0), inner=TAKING_OVER)
    def digest_overtaken(self, first: int, second: int, outer: Plan, inner: Plan) -> None:
        """The worker falls silent for longer than its lease, and another takes over before it wakes up."""
        overtaken = (("tick", 121), ("sweep",), ("digest", second, inner))
        self.world.do_digest(first, outer._replace(steps=overtaken))

    @rule(steps=st.one_of(SILENCE, st.tuples(st.one_of(TICK, SWEEP, MESSAGES))))
    def something_else(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            self.world.do(step)

    @invariant()
    def rows_objects_and_model_agree(self) -> None:
        check(self.world)

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            drain(self.world)


def test_logs_are_counted_once_or_rejected_whatever_happens(services, clock, monkeypatch):
    world = World(services, clock)
    monkeypatch.setitem(PARSERS, world.parser.FORMAT, world.parser)
    monkeypatch.setattr(ingest.digest, "LOGS_IN_BULK", 1)  # the model digests one at a time

    examples = settings().max_examples // (2 if services.db.is_postgresql else 1)  # it takes three times as long
    run_state_machine_as_test(lambda: DigestMachine(world), settings=settings(max_examples=examples))
