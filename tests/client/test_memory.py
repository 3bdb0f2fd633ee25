"""A list of any length passes through in constant memory."""

import tracemalloc

from tests.scripted_server import JOB, Reply

ROWS = 40_000
AT_MOST = 1_000_000  # bytes; the list has some 3 MB, as rows in memory far more


def test_a_long_list_is_never_whole_in_memory(server, afar):
    def body():
        yield b'{"loading":[false],"job_id":"%s","success":true,"result":[' % JOB.encode()
        for start in range(0, ROWS, 1_000):
            rows = (
                b'{"id":"2544355787-%d-logs-00003-crash-1","date":"2018-09-13","log_id":"l"}' % number
                for number in range(start, start + 1_000)
            )
            yield (b"," if start else b"") + b",".join(rows)
        yield b"]}"

    server.replies = [Reply(body=body())]
    next(iter(rows := afar.occurrences("c" * 24)))
    tracemalloc.start()
    try:
        count = 1 + sum(1 for _ in rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == ROWS
    assert peak < AT_MOST
