"""Figures of sessions are those of what arrived, in whatever order and however often, and whoever dies (both databases)."""

import os
from collections import defaultdict
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from app.background import session_folds
from app.db.hot.upload import Sender
from app.ingest.sentry_sessions import read_sessions
from app.ingest.sessions import receive_sessions
from app.parsers.envelope_items import envelope_items
from app.services import Services
from app.sweep import sweep
from tests.factories import Clock, Member, run_enqueued
from tests.sessions import Counted, counted, envelope_of, sums, update

SEEDS = range(100 if os.environ.get("CRASHQ_SOAK") else 3)
RELEASES, USERS, ENDS = ("1.0", "1.1", "2.0"), ("ada", "bob", "cleo", None), ("exited", "crashed", "abnormal", "ok")


class WorkerDied(BaseException):
    """kill -9: nothing of the worker's runs any more."""


def life_of_a_session(random: Random, number: int) -> list[dict[str, Any]]:
    """Its updates in their order."""
    same = {"release": random.choice(RELEASES), "started": f"2018-09-{random.randint(10, 13)}T08:00:00Z"}
    same["did"] = random.choice(USERS)
    told = [update(f"{number:032x}", **same)]
    for _ in range(random.randrange(3)):
        told.append(update(f"{number:032x}", init=False, errors=random.randrange(2), **same))
    return [*told, update(f"{number:032x}", init=False, status=random.choice(ENDS), **same)]


def expected(arrived: list[dict[str, Any]]) -> dict[tuple[str, str, str], Counted]:
    """What has to come of these items, from what each session's updates say together."""
    told: dict[Any, dict[str, set[Any]]] = defaultdict(lambda: defaultdict(set))
    more: dict[Any, int] = defaultdict(int)
    for item in arrived:
        if "aggregates" in item:
            more["2018-09-13", "=" + item["attrs"]["release"], ""] += item["aggregates"][0]["exited"]
            continue
        of_key = told[item["started"][:10], "=" + item["attrs"]["release"], "=production"]
        sid, user, crashed = item["sid"], item["did"], item["status"] == "crashed"
        of_key["sessions"] |= {sid} if item["init"] else set()
        of_key["errored"] |= {sid} if item["errors"] or item["status"] in ("crashed", "abnormal") else set()
        of_key["crashed"] |= {sid} if crashed else set()
        of_key["abnormal"] |= {sid} if item["status"] == "abnormal" else set()
        says_something = user or sid in of_key["sessions"] | of_key["errored"]
        of_key["users"] |= {user} if user and says_something else set()
        of_key["crashed_users"] |= {user} if user and crashed else set()
    found = {key: Counted(**{name: len(sets[name]) for name in Counted._fields}) for key, sets in told.items()}
    found |= {key: Counted(number) for key, number in more.items() if number}
    return {key: value for key, value in found.items() if any(value)}


@pytest.mark.parametrize("seed", SEEDS)
def test_sessions_shuffled_doubled_and_lost_are_counted_as_what_arrived(
    services: Services, member: Member, clock: Clock, monkeypatch, seed
):
    random = Random(seed)
    monkeypatch.setattr(session_folds, "AT_ONCE", 3)
    counting, dying = session_folds.count_sessions, [False]

    def count_and_perhaps_die(*given: Any) -> None:
        counting(*given)
        if dying[0] and random.random() < 0.5:
            raise WorkerDied

    monkeypatch.setattr(session_folds, "count_sessions", count_and_perhaps_die)
    lives = [life_of_a_session(random, number) for number in range(40)]
    items = [item for life in lives for item in life if random.random() < 0.9]
    items += [item for item in items if random.random() < 0.2]
    items += [sums(release=random.choice(RELEASES), exited=random.randrange(5)) for _ in range(10)]
    random.shuffle(items)

    left = list(items)
    while left:
        several = [left.pop() for _ in range(min(len(left), random.randint(1, 6)))]
        sent = list(envelope_items(envelope_of(*several)))
        sender = Sender(member.app.id, member.app.identifier, None)
        receive_sessions(services, sender, partial(read_sessions, sent))
        if random.random() < 0.3:
            dying[0] = random.random() < 0.7
            clock.advance(seconds=random.choice((1, 5, 31)))
            try:
                sweep(services)
                run_enqueued(services)
            except WorkerDied:
                pass
    dying[0] = False
    clock.advance(seconds=31)  # the lease of a dead worker
    sweep(services)
    clock.now += timedelta(seconds=61)

    assert counted(services, member.app.id) == expected(items)
