"""Pushes to Redis whose answers are read before the next one, against a real server."""

import secrets

import pytest
from redis import ConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError

from app.queueing.broker import RUN_JOB, SHORT
from app.queueing.debounced_broker import PACES, DebouncedBroker, RedisLines

PAUSE = 600  # milliseconds; longer than a push waits


@pytest.fixture
def redis(redis_url):
    with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
        client.flushall()


@pytest.fixture
def name() -> str:
    """Of this test's connections; those of one before may not be closed yet."""
    return secrets.token_hex(8)


@pytest.fixture
def lines(redis_url, name) -> RedisLines:
    return RedisLines(ConnectionPool.from_url(redis_url, socket_timeout=0.2, client_name=name))


def test_all_pushes_arrive_in_their_order(lines, redis):
    for number in range(20):
        lines.push("list", str(number))

    assert redis.lrange("list", 0, -1) == [str(number) for number in reversed(range(20))]


def test_one_connection_serves_threads_that_push_one_after_the_other(lines, redis, name):
    for number in range(20):
        lines.push("list", str(number))

    assert [client["name"] for client in redis.client_list()].count(name) == 1


def test_a_push_that_redis_refuses_is_told_of_by_the_next_and_the_one_after_it_is_sent(lines, redis):
    redis.set("text", "no list")

    lines.push("text", "1")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        lines.push("list", "2")
    lines.push("list", "3")

    assert redis.lrange("list", 0, -1) == ["3"]


def test_a_connection_that_was_lost_meanwhile_is_replaced(lines, redis):
    lines.push("list", "1")
    redis.client_kill_filter(_type="normal", skipme=True)
    lines.push("list", "2")

    assert redis.lrange("list", 0, -1) == ["2", "1"]


def test_a_server_that_answers_no_more_is_told_of_by_the_next_push(lines, redis):
    lines.push("list", "1")
    redis.client_pause(PAUSE)
    lines.push("list", "2")  # nothing tells that it waits there
    with pytest.raises(RedisError):
        lines.push("list", "3")
    redis.ping()  # answered when the pause is over
    lines.push("list", "4")

    assert redis.lrange("list", 0, 0) == ["4"]


def test_the_next_short_job_is_enqueued_at_once_when_the_one_before_was_answered(redis_url, redis, monkeypatch):
    monkeypatch.setitem(PACES, SHORT, 5.0)
    broker = DebouncedBroker(redis_url)

    broker.enqueue_debounced(RUN_JOB, "1" * 24, SHORT)
    broker.answered(RUN_JOB, "1" * 24, SHORT)
    broker.enqueue_debounced(RUN_JOB, "2" * 24, SHORT)

    assert redis.llen(f"crashq:{SHORT}") == 2


def test_an_answer_to_another_job_changes_nothing(redis_url, redis, monkeypatch):
    monkeypatch.setitem(PACES, SHORT, 2.0)
    broker = DebouncedBroker(redis_url, "another:")

    broker.answered(RUN_JOB, "1" * 24, SHORT)
    broker.enqueue_debounced(RUN_JOB, "1" * 24, SHORT)
    broker.answered(RUN_JOB, "2" * 24, SHORT)
    broker.enqueue_debounced(RUN_JOB, "3" * 24, SHORT)
    sent_at_once = redis.llen(f"another:{SHORT}")
    later = [redis.brpop(f"another:{SHORT}", timeout=10) for _ in range(2)]

    assert sent_at_once == 1
    assert all(later)
