"""The OpenAPI description of downloads."""

from app.api.openapi.headers import KEPT
from app.api.openapi.words import OPEN, TEXT, ApiSubject, answer, header, operation, parameters, path

_HEADERS = f"{KEPT} Accept-Ranges Content-Disposition Content-Length"

SUBJECT = ApiSubject(
    "Downloads",
    "Finished files behind signed links.",
    {
        "/api/downloads/{signed}": {
            "get": operation(
                "download", "A finished file, whole or a range of it",
                answer({}, "The file", media="*/*", headers=_HEADERS)
                | answer({}, "The range that was asked for", 206, media="*/*", headers=f"{_HEADERS} Content-Range")
                | answer(None, "You have it", 304, headers=f"{KEPT} Accept-Ranges Content-Disposition"),
                404, 410, 416,
                parameters=[
                    *parameters("signed", "if_none_match"),
                    {**header("Range", TEXT, "One range of bytes"), "example": "bytes=0-1023"},
                    {**header("If-Range", TEXT, "ETag or date: of another version the whole file comes"),
                     "example": '"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"'},
                ],
                **OPEN,
            ),
        },
    },
    parameters={"signed": path("signed", "From a finished result")},
)  # fmt: skip
