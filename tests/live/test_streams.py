"""Streams of a real server: as many as it has places for, beside everything else, and a place is free when its reader goes."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.web.api.streams import OF_ONE_TOKEN
from tests.factories import join, make_crash
from tests.live.conftest import ORIGIN, STREAMS, Web
from tests.sse import Event, events
from tests.system.conftest import until


@dataclass
class Stream:
    """An open stream: its head, and what comes."""

    connection: http.client.HTTPConnection
    answer: http.client.HTTPResponse

    def lines(self) -> Iterator[Event]:
        return events(self.answer)

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@pytest.fixture
def follow(web: Web) -> Iterator:
    opened = []

    def open_one(token: str, job_id: str) -> Stream:
        connection = http.client.HTTPConnection(web.base.removeprefix("http://"), timeout=20)
        headers = {"Authorization": f"Token {token}", "Origin": ORIGIN}
        connection.request("GET", f"/api/jobs/{job_id}/events", headers=headers)
        opened.append(Stream(connection, connection.getresponse()))
        return opened[-1]

    yield open_one
    for stream in opened:
        stream.close()


def test_with_every_stream_open_all_else_is_answered_and_each_hears_of_the_end(web: Web, follow):
    crash = make_crash(web.services, web.member.app)
    colleague = join(web.services, "bob@example.com", web.member.app)
    url = f"/api/crashes/{crash.identifier}/occurrences"
    tokens = [web.member.token] * OF_ONE_TOKEN + [colleague.token] * (STREAMS - OF_ONE_TOKEN)
    [job_id] = {web.client.get(url, headers=one.headers).json["job_id"] for one in (web.member, colleague)}

    opened = [follow(token, job_id) for token in tokens]
    heard = [stream.lines() for stream in opened]
    firsts = [next(lines) for lines in heard]
    refused = [follow(token, job_id).answer for token in (web.member.token, colleague.token)]
    others = [web.http.send("GET", path).status for path in ("/healthz", "/api/apps", url, f"/api/jobs/{job_id}")]
    web.work()
    lasts = [list(lines)[-1] for lines in heard]

    assert {stream.answer.headers["Access-Control-Allow-Origin"] for stream in opened} == {ORIGIN}
    assert [event.name for event in firsts] == ["progress"] * STREAMS
    assert [(answer.status, answer.headers["Retry-After"]) for answer in refused] == [(429, "5"), (503, "5")]
    assert others == [200] * 4
    assert [(event.name, event.data["job_id"]) for event in lasts] == [("finished", job_id)] * STREAMS


def test_a_reader_that_goes_away_leaves_its_place_to_the_next(web: Web, follow, colleague):
    reader = colleague("eve")
    url = f"/api/crashes/{make_crash(web.services, reader.app).identifier}/occurrences"
    job_id = web.client.get(url, headers=reader.headers).json["job_id"]
    opened = [follow(reader.token, job_id) for _ in range(OF_ONE_TOKEN)]
    refused = follow(reader.token, job_id)

    opened[0].close()

    assert refused.answer.status == 429
    assert until(lambda: follow(reader.token, job_id).answer.status == 200, "the place of who went away")
    web.work()
