"""An envelope with a list is read as it comes, wherever it is cut into chunks."""

import pytest

from app.client.errors import BadAnswer, Unreachable
from app.client.rows import MAX_ROW, EnvelopeStream

JOB = "2eab310c430bf292171281ae"
HEAD = b'{"loading":[false],"job_id":"%s","success":true,"result":' % JOB.encode()
WHOLE = HEAD + b'[{"id":"a","n":1.5},{"id":"b"},{"id":"c"}]}'
ROWS = [{"id": "a", "n": 1.5}, {"id": "b"}, {"id": "c"}]


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50, 1_000])
def test_chunks_of_any_length_give_the_same_rows(length):
    chunks = [WHOLE[at : at + length] for at in range(0, len(WHOLE), length)]

    read = EnvelopeStream(iter(chunks))

    assert (read.job_id, read.is_loading) == (JOB, False)
    assert list(read.rows()) == ROWS


def test_rows_come_before_the_rest_has_been_sent():
    def chunks():
        yield HEAD + b'[{"id":"a"},{"id":'
        pytest.fail("the second chunk was asked for")

    assert next(EnvelopeStream(chunks()).rows()) == {"id": "a"}


def test_an_empty_list_has_no_rows():
    read = EnvelopeStream(iter([HEAD.replace(b"false", b"true") + b"[]}"]))

    assert read.is_loading
    assert list(read.rows()) == []


@pytest.mark.parametrize("kept", range(len(WHOLE)))
def test_a_list_that_is_cut_anywhere_is_never_taken_for_whole(kept):
    with pytest.raises(Unreachable, match="cut off"):
        list(EnvelopeStream(iter([WHOLE[:kept]] if kept else [])).rows())


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[1]", b'{"result":[{"id":"a"}],"loading":[false]}', HEAD + b'null,"x":1}', HEAD + b"{}}", WHOLE + b"more",
     WHOLE.replace(b"[false]", b'["no"]'), WHOLE.replace(b"[false]", b"[false,false]"), WHOLE.replace(b"[false]", b"false"),
     WHOLE.replace(JOB.encode(), b"../../jobs"), b"[" * 5_000, HEAD + b"[" + b"[" * 5_000],
)  # fmt: skip
def test_anything_else_is_not_an_envelope(body):
    with pytest.raises((BadAnswer, Unreachable)):
        list(EnvelopeStream(iter([body])).rows())


def test_a_row_without_an_end_is_not_kept_reading():
    taken = 0

    def chunks():
        nonlocal taken
        yield HEAD + b'[{"id":"'
        while True:
            taken += 65_536
            yield b"a" * 65_536

    with pytest.raises(BadAnswer, match="without an end"):
        list(EnvelopeStream(chunks()).rows())

    assert taken < 2 * MAX_ROW
