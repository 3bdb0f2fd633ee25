"""The OpenAPI description of webhooks."""

from app.api.openapi.words import (
    BARE_SUCCESS,
    FLAG,
    PAGING,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    WHOLE_OR_NULL,
    ApiSubject,
    Json,
    answer,
    body,
    change_of,
    described,
    list_of,
    object_of,
    one_of,
    operation,
    page_of,
    parameters,
    path,
    schema,
    success_of,
)
from app.db.webhook import EVENTS, DeliveryState

_EVENTS: Json = list_of(one_of(*EVENTS))
_WEBHOOK: Json = {
    "identifier": {**TEXT, "examples": ["a3c5e7091b2d4f6080a2c4e6"]},
    "url": TEXT,
    "events": _EVENTS,
    "active": FLAG,
    "disabled_reason": described(TEXT_OR_NULL, "Why the service has switched it off"),
    "failing_since": TIME_OR_NULL,
    "created_at": TIME,
}
_FIELDS: Json = {
    "url": {"type": "string", "maxLength": 2048},
    "events": {**_EVENTS, "minItems": 1, "maxItems": len(EVENTS)},
    "active": {"type": "boolean", "default": True},
}

_APP = parameters("app_identifier")
_ONE = parameters("app_identifier", "webhook_identifier")
_SHOWN = answer(success_of(schema("Webhook")), "The webhook")
_BASE = "/api/apps/{app_identifier}/webhooks"
_HOOK = f"{_BASE}/{{webhook_identifier}}"

SUBJECT = ApiSubject(
    "Webhooks",
    "Told at the end of a job and of a new crash: signed, retried, replayable.",
    {
        _BASE: {
            "post": operation("createWebhook", "Tell a URL of events", answer(success_of(schema("NewWebhook")), "Made", 201),
                              400, 401, 404, 409, 413, parameters=_APP, requestBody=body(object_of(_FIELDS, ("active",)))),
            "get": operation("listWebhooks", "Webhooks of an app", page_of(schema("Webhook"), "Oldest first"), 400, 401, 404,
                             parameters=[*_APP, *PAGING]),
        },
        _HOOK: {
            "get": operation("showWebhook", "A webhook", _SHOWN, 401, 404, parameters=_ONE),
            "patch": operation("changeWebhook", "Change url, events or active", _SHOWN, 400, 401, 404, 413,
                               parameters=_ONE, requestBody=body(change_of(_FIELDS))),
            "delete": operation("deleteWebhook", "Delete a webhook and its log", answer(BARE_SUCCESS, "Deleted"), 401, 404,
                                parameters=_ONE),
        },
        f"{_HOOK}/deliveries": {
            "get": operation("listDeliveries", "What a webhook was told", page_of(schema("Delivery"), "Newest first"),
                             400, 401, 404, parameters=[*_ONE, *PAGING]),
        },
        f"{_HOOK}/deliveries/{{delivery_id}}/replay": {
            "post": operation("replayDelivery", "Send a delivery again",
                              answer(success_of(schema("Delivery")), "The delivery, pending again"), 401, 404, 409,
                              parameters=[*_ONE, *parameters("delivery_id")]),
        },
    },
    {
        "Webhook": object_of(_WEBHOOK),
        "NewWebhook": object_of({**_WEBHOOK, "secret": described(TEXT, "Told only here; deliveries are signed with it")}),
        "Delivery": object_of({
            "id": {**TEXT, "examples": ["17"]},
            "event_id": described(TEXT, "The header webhook-id; the same at every attempt"),
            "event": one_of(*EVENTS),
            "subject": described(TEXT, "The job's id or the crash's identifier"),
            "state": {**one_of(*(state.value for state in DeliveryState)), "examples": [DeliveryState.DELIVERED.value]},
            "attempts": WHOLE, "created_at": TIME, "next_at": TIME_OR_NULL, "delivered_at": TIME_OR_NULL,
            "last_status": described(WHOLE_OR_NULL, "HTTP"), "last_error": TEXT_OR_NULL,
        }),
    },
    {
        "webhook_identifier": path("webhook_identifier", "From the list of an app's webhooks"),
        "delivery_id": path("delivery_id", "From a webhook's deliveries"),
    },
)  # fmt: skip
