"""The OpenAPI description of logging in and out."""

from app.api.openapi.words import (
    BARE_SUCCESS,
    OPEN,
    TEXT,
    ApiSubject,
    answer,
    body,
    object_of,
    operation,
    success_of,
)

SUBJECT = ApiSubject(
    "Login",
    "Get a token, and end it.",
    {
        "/api/login": {
            "post": operation(
                "logIn", "Log in", answer(success_of(object_of({"auth_token": TEXT})), "A new token", headers="Cache-Control"),
                400, 401, 413, 429, requestBody=body(object_of({"email": TEXT, "password": TEXT})), **OPEN,
            ),
            "delete": operation("logOut", "End the login of this token", answer(BARE_SUCCESS, "Ended"), 401),
        },
    },
)  # fmt: skip
