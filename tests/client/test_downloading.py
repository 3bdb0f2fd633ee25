"""A file is fetched whole or not at all: resumed after cuts, checked, and then given its name."""

import hashlib
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.client import BadAnswer, Damaged, NotAllowed, NotThere, RemoteFile, Unreachable
from app.client.download import _locked
from tests.client.conftest import TOKEN
from tests.scripted_server import Asked, Reply, refused

CONTENT = random.Random(7).randbytes(400_000)
TAG = '"a-tag"'


def remote_file(server, content: bytes = CONTENT, path: str = "/api/downloads/signed", **changed) -> RemoteFile:
    promised = {
        "url": server.url + path, "filename": "l-crash-1.zip", "content_type": "application/zip", "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), "expires_at": datetime(2030, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return RemoteFile.model_validate(promised | changed)


def serving(content: bytes = CONTENT, tag: str = TAG, upto: int | None = None):
    """An answer as a good server gives it, cut after `upto` bytes of the file."""

    def answer(asked: Asked) -> Reply:
        wanted = asked.headers.get("range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and asked.headers.get("if-range") == tag else 0
        headers = {"ETag": tag, "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        body = content[start:] if upto is None else content[start:upto]
        return Reply(206 if start else 200, headers, body, promised=len(content) - start)

    return answer


def beside(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "out" / "report.zip"


@pytest.fixture(autouse=True)
def folder(target):
    target.parent.mkdir()


def test_a_file_is_fetched_without_the_token(server, afar, target):
    server.replies = [serving()]
    seen = []

    path = afar.download(remote_file(server), target, on_bytes=lambda done, total: seen.append((done, total)))

    assert path.read_bytes() == CONTENT
    assert beside(target) == {"report.zip"}
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert "authorization" not in server.asked[0].headers


def test_a_file_that_is_cut_again_and_again_is_gone_on_with(server, afar, target, retries):
    server.replies = [serving(upto=100_000), serving(upto=100_000), serving(upto=250_000), Reply(503), serving()]

    afar.download(remote_file(server), target)

    assert target.read_bytes() == CONTENT
    ranges = [asked.headers.get("range") for asked in server.asked]
    assert ranges == [None, "bytes=100000-", "bytes=100000-", "bytes=250000-", "bytes=250000-"]
    assert {asked.headers.get("if-range") for asked in server.asked[1:]} == {TAG}
    assert len(retries) == 4


def test_after_an_interruption_the_next_call_goes_on(server, afar, target):
    def interrupt(done: int, total: int) -> None:
        if done > 150_000:
            raise KeyboardInterrupt

    server.replies = [serving()]
    with pytest.raises(KeyboardInterrupt):
        afar.download(remote_file(server), target, on_bytes=interrupt)
    left = (target.parent / "report.zip.part").stat().st_size

    afar.download(remote_file(server), target)

    assert 150_000 < left < len(CONTENT)
    assert server.asked[1].headers["range"] == f"bytes={left}-"
    assert target.read_bytes() == CONTENT
    assert beside(target) == {"report.zip"}


def test_a_file_that_has_changed_since_is_fetched_from_its_start(server, afar, target):
    newer = CONTENT[::-1]
    server.replies = [serving(upto=100_000), serving(newer, '"another"'), serving(newer, '"another"')]

    with pytest.raises(Damaged):
        afar.download(remote_file(server), target)
    afar.download(remote_file(server, newer), target)

    assert server.asked[1].headers["range"] == "bytes=100000-"
    assert target.read_bytes() == newer


def test_a_wrong_checksum_is_an_error_and_nothing_is_renamed(server, afar, target):
    server.replies = [serving(CONTENT[:-1] + b"?")]

    with pytest.raises(Damaged, match="SHA-256"):
        afar.download(remote_file(server), target)

    assert beside(target) == set()


def test_what_an_earlier_run_left_damaged_is_fetched_anew(server, afar, target):
    (target.parent / "report.zip.part").write_bytes(b"?" * 1_000)
    (target.parent / "report.zip.part.etag").write_text(TAG)
    server.replies = [serving()]

    afar.download(remote_file(server), target)

    assert [asked.headers.get("range") for asked in server.asked] == ["bytes=1000-", None]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"", b"?" * 1_000, b"?" * 500_000])
def test_a_part_of_unknown_origin_is_not_gone_on_with(server, afar, target, left):
    (target.parent / "report.zip.part").write_bytes(left)
    server.replies = [serving()]

    afar.download(remote_file(server), target)

    assert "range" not in server.asked[0].headers
    assert target.read_bytes() == CONTENT


def test_a_weak_tag_is_no_ground_to_go_on_from(server, afar, target):
    weak = Reply(200, {"ETag": 'W/"a-tag"'}, CONTENT[:100_000], promised=len(CONTENT))
    server.replies = [weak, serving()]

    afar.download(remote_file(server), target)

    assert "range" not in server.asked[1].headers
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_there_already_is_not_fetched_again(server, afar, target):
    target.write_bytes(CONTENT)

    afar.download(remote_file(server), target)

    assert server.asked == []


def test_an_empty_file_is_one_too(server, afar, target):
    server.replies = [Reply(200, {"ETag": TAG}, b"")]

    afar.download(remote_file(server, b""), target)

    assert target.read_bytes() == b""


def test_a_link_that_has_expired_is_made_anew(server, afar, target):
    server.replies = [serving(upto=100_000), refused(410, "gone", "This link has expired"), serving()]

    afar.download(remote_file(server), target, lambda: remote_file(server, path="/api/downloads/newer"))

    assert [asked.path for asked in server.asked] == [*["/api/downloads/signed"] * 2, "/api/downloads/newer"]
    assert target.read_bytes() == CONTENT


def test_a_link_that_is_no_good_even_when_new_is_an_error(server, afar, target):
    server.replies = [refused(404, "not_found", "This link is not valid")]

    with pytest.raises(NotThere):
        afar.download(remote_file(server), target)

    assert len(server.asked) == 2


def test_another_file_behind_the_new_link_is_not_mixed_in(server, afar, target):
    server.replies = [serving(upto=100_000), refused(410, "gone", "This link has expired"), serving()]

    with pytest.raises(Damaged, match="made anew"):
        afar.download(remote_file(server), target, lambda: remote_file(server, CONTENT[::-1]))


def test_a_body_without_a_length_that_ends_too_soon_is_not_taken_for_whole(server, afar, target, retries):
    server.replies = [Reply(200, {"ETag": TAG}, iter([CONTENT[:100_000]])), serving()]

    afar.download(remote_file(server), target)

    assert target.read_bytes() == CONTENT
    assert server.asked[1].headers["range"] == "bytes=100000-"
    assert [type(problem) for problem in retries] == [Unreachable]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, body=CONTENT + b"more"),
        Reply(200, body=iter([CONTENT, b"more"])),
        Reply(200, body=CONTENT[:-1]),
        Reply(206, {"Content-Range": f"bytes 5-{len(CONTENT) + 4}/{len(CONTENT)}"}, CONTENT),
        Reply(206, {}, CONTENT),
        Reply(204),
        Reply(302, {"Location": "http://192.0.2.1/"}),
    ],
    ids=["longer", "endless", "shorter", "another range", "no range", "nothing", "elsewhere"],
)
def test_bytes_that_were_not_promised_are_refused(server, afar, target, reply):
    server.replies = [reply]

    with pytest.raises((Damaged, BadAnswer)):
        afar.download(remote_file(server), target)

    assert not target.exists()
    assert len(server.asked) == 1


def test_a_link_over_plain_http_to_another_machine_is_not_followed(server, afar, target):
    with pytest.raises(BadAnswer, match="plain http"):
        afar.download(remote_file(server, url="http://192.0.2.1/api/downloads/signed"), target)


@pytest.mark.parametrize("size", [-1, "many"])
def test_a_promise_has_to_make_sense(server, size):
    with pytest.raises(ValueError, match="size"):
        remote_file(server, size=size)


def test_two_programs_do_not_fetch_into_one_file(server, afar, target):
    with _locked(target.parent / "report.zip.part"), pytest.raises(NotAllowed, match="another program"):
        afar.download(remote_file(server), target)


def test_a_part_that_is_a_link_to_elsewhere_is_not_written_through(server, afar, target, tmp_path):
    (target.parent / "report.zip.part").symlink_to(tmp_path / "victim")

    with pytest.raises(OSError, match=r"report\.zip\.part"):
        afar.download(remote_file(server), target)

    assert not (tmp_path / "victim").exists()


def test_no_error_holds_the_signed_link_or_the_token(server, afar, target):
    server.stop()

    with pytest.raises(Unreachable) as caught:
        afar.download(remote_file(server), target)

    assert "signed" not in f"{caught.value!r}{caught.value.__dict__}"
    assert TOKEN not in f"{caught.value!r}"
