"""Leased work of every type under random interleavings and faults, compared with one model (both databases)."""

import sys

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.background import TYPES
from tests.properties.faulty import COMMIT_FAILS, COMMIT_UNCONFIRMED
from tests.properties.work_attempts import AWAY, Plan, Step
from tests.properties.work_model import (
    APP_ERROR,
    BUG,
    COMPLETE,
    DEATH,
    HANDED_BACK,
    MALFORMED,
    OUTAGE,
    PAUSE,
)
from tests.properties.work_types import TESTED
from tests.properties.work_world import World, check, drain

DAY = 86_400
WORKER, INDEX = st.integers(0, 1), st.one_of(st.none(), st.integers(0, 2))
SECONDS = st.sampled_from([1, 5, 31, 31, 61, 121, 601, 3_601])
CLOCK_STEP = st.sampled_from([-DAY, -DAY, DAY, -3_000, -95, -60, 60, 300])
COMMIT = st.sampled_from([None, None, None, COMMIT_FAILS, COMMIT_UNCONFIRMED])
FAULT = st.sampled_from([None, None, None, COMMIT_FAILS, COMMIT_UNCONFIRMED, AWAY])
ENDING = st.sampled_from(
    [COMPLETE, COMPLETE, PAUSE, BUG, BUG, APP_ERROR, MALFORMED, OUTAGE, OUTAGE, HANDED_BACK, DEATH]
)


def named(name: str, *values: st.SearchStrategy) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), *values)


def work(plan: st.SearchStrategy[Plan]) -> st.SearchStrategy[Step]:
    return named("work", WORKER, INDEX, st.booleans(), plan)


CLAIM_FAULT = st.sampled_from([None] * 6 + [COMMIT_FAILS, COMMIT_UNCONFIRMED])
PAUSES = st.sampled_from([0, 0, 5, 3_600])
BRIEF = st.builds(Plan, st.just(()), ENDING, FAULT, CLAIM_FAULT, PAUSES)
TICK, STEP_OF_CLOCK, RESTART, ADD = (
    named("tick", SECONDS),
    named("tick", CLOCK_STEP),
    st.just(("restart",)),
    st.just(("add",)),
)
HAND_BACK, BACK, RENEW = named("hand_back", WORKER), named("back", WORKER), named("renew", COMMIT)
BETWEEN = st.one_of(st.just(("sweep",)), HAND_BACK, BACK, st.just(("renew",)), work(BRIEF))
SWEEP = st.one_of(
    st.just(("sweep",)), named("sweep", COMMIT), named("sweep", st.none(), st.tuples(st.integers(0, 2), BETWEEN))
)
OTHERS = st.one_of(TICK, SWEEP, HAND_BACK, BACK, RESTART, STEP_OF_CLOCK, ADD)
HUNG = st.just((("tick", 31), ("sweep",)))  # for longer than the lease
RESTARTED = st.just((("restart",), ("tick", 31), ("sweep",)))
SET_BACK = st.just((("tick", -DAY), ("sweep",)))
SAVED = st.just((("tick", 31), ("sweep", None, (0, ("renew",)))))
DIES = st.just(Plan(ending=DEATH))
LOST_CLAIM = st.tuples(st.just(("lose_claim",)), work(st.one_of(DIES, BRIEF)))  # and the number is given again
MOVED_ON = st.tuples(named("progress", COMMIT))


def plans(depth: int) -> st.SearchStrategy[Plan]:
    """What happens to an attempt; others may run in the middle of it, so many deep."""
    inner = st.deferred(lambda: plans(depth - 1))
    step = st.one_of(OTHERS, RENEW, named("progress", COMMIT), work(BRIEF) if depth == 0 else work(inner))
    taken_over = st.builds(lambda silence, then: (*silence, then), st.one_of(HUNG, SET_BACK), work(BRIEF))
    steps = st.one_of(
        st.just(()), HUNG, RESTARTED, SET_BACK, SAVED, MOVED_ON, LOST_CLAIM, taken_over,
        st.lists(step, max_size=4).map(tuple),
    )  # fmt: skip
    return st.builds(Plan, steps, ENDING, FAULT, CLAIM_FAULT, PAUSES)


class WorkMachine(RuleBasedStateMachine):
    """Each rule does one thing to the product and to the model."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.reset()

    @initialize(more=st.booleans())
    def first_row(self, more: bool) -> None:
        for _ in range(1 + more):
            self.world.do(("add",))

    @rule(step=work(st.one_of(BRIEF, plans(1))))
    def attempt(self, step: Step) -> None:
        self.world.do(step)

    @rule(step=work(BRIEF), seconds=SECONDS)
    def attempt_after_a_pause(self, step: Step, seconds: int) -> None:
        self.world.do(("tick", seconds))
        self.world.do(step)

    @rule(step=work(plans(0)), then=SWEEP)
    def attempt_and_silence(self, step: Step, then: Step) -> None:
        self.world.do(step)
        self.world.do(("tick", 31))
        self.world.do(then)

    @rule(step=work(st.builds(Plan, LOST_CLAIM, ENDING)))
    def attempt_whose_claim_is_lost(self, step: Step) -> None:
        self.world.do(step)

    @rule(step=OTHERS)
    def something_else(self, step: Step) -> None:
        self.world.do(step)

    @invariant()
    def rows_and_model_agree(self) -> None:
        check(self.world)

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            drain(self.world)


def test_the_machine_knows_every_type():
    assert TESTED.keys() == TYPES.keys()


@pytest.mark.parametrize("name", TYPES)
def test_leased_work_lives_as_the_model_says_and_all_of_it_ends(name, services, clock):
    world = World(services, clock, name)

    examples = settings().max_examples // (12 if services.db.is_postgresql else 6)  # there are eight types
    run_state_machine_as_test(lambda: WorkMachine(world), settings=settings(max_examples=examples))
