"""Batches and exporter runs beside merges, splits, regroupings, erasures and uploads: every occurrence once (both databases)."""

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.jobs.exporter_settings import remove
from tests.properties.batch_world import World, small_steps

__all__ = ["small_steps"]

NUMBERS = count(1)
INDEX, USER = st.integers(0, 4), st.sampled_from([0, 1, 1, 1])


def named(name: str, *values: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(st.just(name), *values)


UPLOAD = named("upload", st.sampled_from("abcd"), USER)
MOVE = st.one_of(
    named("merge", INDEX, INDEX), named("merge", INDEX, INDEX), named("split", INDEX, INDEX),
    named("anew", st.sampled_from(["", "x"])), named("step"), named("step"),
)  # fmt: skip
CHANGE = st.one_of(
    MOVE, MOVE, MOVE, MOVE, UPLOAD, UPLOAD, named("age", INDEX), named("age", INDEX), named("erase", st.just(0))
)  # fmt: skip
MEANWHILE = st.lists(CHANGE, min_size=4, max_size=12)
BATCH = st.one_of(named("batch", st.none(), MEANWHILE), named("batch", INDEX, MEANWHILE), named("export", MEANWHILE))
SCRIPT = st.lists(st.one_of(BATCH, BATCH, BATCH, CHANGE), min_size=6, max_size=12)
FIRST = st.lists(st.tuples(st.sampled_from("abcd"), USER), min_size=5, max_size=14)


@pytest.mark.usefixtures("small_steps")
def test_every_occurrence_of_the_snapshot_is_in_a_batch_once_and_in_one_run(services, clock):
    made = []

    @settings(max_examples=max(settings.default.max_examples // 5, 1))
    @given(first=FIRST, script=SCRIPT)
    def check(first, script) -> None:
        world = World(services, clock, next(NUMBERS))
        with world.rules():
            for upload in first:
                world.do(("upload", *upload))
            for op in script:
                world.do(op)
            world.end()
        made.append(world.batches)
        remove(world.services, world.member.user_id, world.exporter.identifier)  # it does no work for the next example

    check()
    assert sum(made) > len(made)  # an erasure ends a batch; most go on to their end
