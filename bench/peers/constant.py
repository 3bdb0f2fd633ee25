"""Flask views that do nothing: the ceiling of what the same server can answer."""

import os

from flask import Flask, Response, send_file

web = Flask("constant")
_row = (
    '{"id":"0000000001-1536831773-logs-00001-crash-1","date":"2018-09-13","log_id":"0000000001-1536831773-logs-00001"}'
)
_body = f'{{"loading":[false],"job_id":"{"0" * 24}","success":true,"result":[{",".join([_row] * 10)}]}}'


@web.get("/constant")
def constant() -> Response:
    """A finished job of ten rows, as a constant."""
    return Response(_body, mimetype="application/json")


@web.get("/file")
def file() -> Response:
    """The bench's large file."""
    return send_file(os.environ["BENCH_FILE"], mimetype="application/octet-stream")
