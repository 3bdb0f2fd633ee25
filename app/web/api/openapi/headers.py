"""The headers that answers have."""

from app.web.api.openapi.words import TEXT, WHOLE, Json

HEADERS: Json = {
    name: {"schema": schema, "description": description, "example": example}
    for name, schema, description, example in (
        ("X-Request-Id", TEXT, "Yours, if you sent a sane one; the same id stands in the logs", "3f9c0a7be4d21568"),
        ("X-Error-Code", TEXT, "Finer than `status` and stable; on errors raised on purpose", "job_not_found"),
        ("WWW-Authenticate", TEXT, "What is missing", "Token"),
        ("Retry-After", WHOLE, "Seconds until it is worth asking again", 1),
        ("X-Progress", TEXT, "`<done>/<total> <unit>`; while it is at work", "20000/119000 rows"),
        ("Preference-Applied", TEXT, "`wait=N` when the request was held", "wait=20"),
        ("ETag", TEXT, "Of a finished result or a file", '"8a5edab282632443219e051e4ade2d1d"'),
        ("Last-Modified", TEXT, "When the job finished", "Thu, 13 Sep 2018 12:00:02 GMT"),
        ("Expires", TEXT, "When the result is deleted", "Fri, 14 Sep 2018 12:00:02 GMT"),
        ("Cache-Control", TEXT, "`no-store` while it may change, `private` once it is finished", "no-store"),
        ("Vary", TEXT, "What else the answer depends on", "Accept-Encoding"),
        ("Link", TEXT, '`<…>; rel="next"` while there are more pages', '</api/apps?page=2&per_page=100>; rel="next"'),
        ("Location", TEXT, "Where to ask how far it is", "/api/apps/7b1d4f0a9c3e5d2b8a6f4e1c/erasures/c0ffee5a17e4b2d9c3f80146"),
        ("Accept-Ranges", TEXT, "`bytes`: a broken download can go on where it stopped", "bytes"),
        ("Content-Range", TEXT, "`bytes <first>-<last>/<size>`", "bytes 0-1023/4096"),
        ("Content-Disposition", TEXT, "The file's name", "attachment; filename=2544355787-1536831773-logs-00003-crash-1.json"),
        ("Content-Length", WHOLE, "Bytes that follow", 4096),
        ("X-Accel-Buffering", TEXT, "Tells nginx to pass each event on at once", "no"),
        ("X-Sentry-Error", TEXT, "On Sentry's two endpoints, the error's sentence for its SDKs", "The key is missing or unknown"),
        ("X-Sentry-Rate-Limits", TEXT, "`<seconds>::key`, for Sentry's SDKs", "12::key"),
        ("Access-Control-Expose-Headers", TEXT, "What that page may read", "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After"),
        ("Access-Control-Allow-Origin", TEXT, "The page's origin if it is listed; `*` for what Sentry's SDKs send", "*"),
    )
}  # fmt: skip

OF_EVERY_ANSWER = (
    "X-Request-Id",
    "Cache-Control",
    "Vary",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
)
"""It may have these, whatever it is."""

KEPT = "ETag Last-Modified Expires Cache-Control"
"""Of what is finished."""

POLLED = f"{KEPT} Retry-After X-Progress Preference-Applied Vary"
"""Of every answer that is an envelope."""
