"""Streams of a real server: as many as it has places for, beside everything else, and a place is free when its reader goes."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.web.api.streams import OF_ONE_TOKEN
from tests.factories import join, make_crash, make_member
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
    stranger = make_member(web.services, "eve@example.net")  # of an app of her own: one app leaves places to others
    members = [web.member, join(web.services, "bob@example.com", web.member.app), stranger]
    urls = [
        f"/api/crashes/{make_crash(web.services, app).identifier}/occurrences" for app in (web.member.app, stranger.app)
    ]
    urls.insert(1, urls[0])
    ids = [web.client.get(url, headers=one.headers).json["job_id"] for url, one in zip(urls, members, strict=True)]
    shares = (OF_ONE_TOKEN, 2, 2)
    askers = [
        (one.token, job_id) for one, job_id, share in zip(members, ids, shares, strict=True) for _ in range(share)
    ]

    opened = [follow(*one) for one in askers]
    heard = [stream.lines() for stream in opened]
    firsts = [next(lines) for lines in heard]
    refused = [follow(one.token, job_id).answer for one, job_id in zip(members, ids, strict=True)]
    paths = ("/healthz", "/api/apps", urls[0], f"/api/jobs/{ids[0]}")
    others = [web.http.send("GET", path).status for path in paths]
    web.work()
    lasts = [list(lines)[-1] for lines in heard]

    assert len(askers) == STREAMS
    assert {stream.answer.headers["Access-Control-Allow-Origin"] for stream in opened} == {ORIGIN}
    assert [event.name for event in firsts] == ["progress"] * STREAMS
    assert [(answer.status, answer.headers["Retry-After"]) for answer in refused] == [(429, "5"), *[(503, "5")] * 2]
    assert others == [200] * 4
    assert [(event.name, event.data["job_id"]) for event in lasts] == [("finished", job_id) for _, job_id in askers]


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
