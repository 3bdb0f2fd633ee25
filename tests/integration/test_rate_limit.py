"""The counters of logs in a real Redis, and without one."""

import socket
from contextlib import closing

import pytest
import redis

from app.queueing.rate_limit import RateLimit, open_rate_limit


def commands(url: str) -> int:
    """How many commands this Redis has run, but for those of scripts."""
    with redis.Redis.from_url(url) as client:
        stats = client.info("commandstats")
    return sum(one["calls"] for name, one in stats.items() if name in ("cmdstat_evalsha", "cmdstat_ttl", "cmdstat_get"))


@pytest.fixture
def limits(redis_url) -> list[RateLimit]:
    """Those of two processes."""
    return [open_rate_limit(redis_url, "crashq:") for _ in range(2)]


def test_two_processes_count_together(limits):
    counted = [limits[number % 2].count("7", 3) for number in range(4)]

    assert counted[:3] == [0, 0, 0]
    assert 1 <= counted[3] <= 60
    assert limits[1].count("8", 3) == 0


def test_a_log_costs_one_round_trip_and_one_of_many_refused_none(redis_url, limits):
    limit = limits[0]
    limit.count("9", 1)  # Redis learns the script
    before = commands(redis_url)

    assert limit.count("10", 1) == 0
    one = commands(redis_url) - before
    assert limit.count("10", 1) > 0
    after = commands(redis_url)
    refused = [limit.count("10", 1) for _ in range(5)]

    assert one == 1
    assert min(refused) > 0
    assert commands(redis_url) == after


def test_a_limit_that_is_raised_counts_at_once(limits):
    limit = limits[0]

    assert limit.count("11", 1) == 0
    assert limit.count("11", 1) > 0
    assert limit.count("11", 2) == 0


def test_a_redis_that_does_not_answer_keeps_no_log_out_and_is_not_asked_again_at_once():
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        limit = open_rate_limit(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0", "crashq:")

        counted = [limit.count("7", 1) for _ in range(5)]

        deaf.setblocking(False)
        with closing(deaf.accept()[0]), pytest.raises(BlockingIOError):
            deaf.accept()
    assert counted == [0] * 5


def test_a_redis_that_is_gone_keeps_no_log_out():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

    assert [open_rate_limit(f"redis://127.0.0.1:{port}/0", "crashq:").count("7", 1) for _ in range(3)] == [0] * 3
