"""The OpenAPI description of webhooks."""

from app.api.openapi_words import (
    TEXT,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    Json,
    json_answer,
    list_of,
    object_of,
    operation,
    path,
    ref,
    success_of,
)
from app.db.webhook import EVENTS, DeliveryState

TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_WEBHOOK: Json = {
    "identifier": TEXT,
    "url": TEXT,
    "events": list_of({"type": "string", "enum": list(EVENTS)}),
    "active": {"type": "boolean"},
    "disabled_reason": {**TEXT_OR_NULL, "description": "Why the service has switched it off"},
    "failing_since": TIME_OR_NULL,
    "created_at": TIME,
}
SCHEMAS: Json = {
    "Webhook": object_of(_WEBHOOK),
    "NewWebhook": object_of(
        {**_WEBHOOK, "secret": {**TEXT, "description": "Told only here; deliveries are signed with it"}}
    ),
    "Delivery": object_of(
        {
            "id": TEXT,
            "event_id": {**TEXT, "description": "The header webhook-id; the same at every attempt"},
            "event": {"type": "string", "enum": list(EVENTS)},
            "subject": {**TEXT, "description": "The job's id or the crash's identifier"},
            "state": {"type": "string", "enum": [state.value for state in DeliveryState]},
            "attempts": WHOLE,
            "created_at": TIME,
            "next_at": TIME_OR_NULL,
            "delivered_at": TIME_OR_NULL,
            "last_status": {"type": ["integer", "null"], "description": "HTTP"},
            "last_error": TEXT_OR_NULL,
        }
    ),
}
PARAMETERS: Json = {
    "webhook_identifier": path("webhook_identifier", "From the list of an app's webhooks"),
    "delivery_id": path("delivery_id", "From a webhook's deliveries"),
}

_FIELDS: Json = {
    "url": {"type": "string", "maxLength": 2048},
    "events": {**list_of({"type": "string", "enum": list(EVENTS)}), "minItems": 1, "maxItems": len(EVENTS)},
    "active": {"type": "boolean", "default": True},
}


def _body(optional: tuple[str, ...]) -> Json:
    return {"required": True, "content": {"application/json": {"schema": object_of(_FIELDS, optional)}}}


_APP = [ref("parameters", "app_identifier")]
_ONE = [*_APP, ref("parameters", "webhook_identifier")]
_PAGING = [ref("parameters", "page"), ref("parameters", "per_page")]
_WEBHOOK_ANSWER = json_answer(success_of(ref("schemas", "Webhook")), "The webhook")
_DELIVERY_ANSWER = json_answer(success_of(ref("schemas", "Delivery")), "The delivery, pending again")
_BASE = "/api/apps/{app_identifier}/webhooks"

_create = operation(
    "createWebhook", "Tell a URL of events", json_answer(success_of(ref("schemas", "NewWebhook")), "Made"),
    400, 401, 404, 409, 413, parameters=_APP, requestBody=_body(("active",)),
)  # fmt: skip
_create["responses"]["201"] = _create["responses"].pop("200")

PATHS: Json = {
    _BASE: {
        "post": _create,
        "get": operation("listWebhooks", "Webhooks of an app",
                         json_answer(success_of(list_of(ref("schemas", "Webhook"))), "Oldest first"),
                         400, 401, 404, parameters=[*_APP, *_PAGING]),
    },
    _BASE + "/{webhook_identifier}": {
        "get": operation("showWebhook", "A webhook", _WEBHOOK_ANSWER, 401, 404, parameters=_ONE),
        "patch": operation("changeWebhook", "Change url, events or active", _WEBHOOK_ANSWER, 400, 401, 404, 413,
                           parameters=_ONE, requestBody=_body(tuple(_FIELDS))),
        "delete": operation("deleteWebhook", "Delete a webhook and its log",
                            json_answer(object_of({"success": {"const": True}}), "Deleted"), 401, 404, parameters=_ONE),
    },
    _BASE + "/{webhook_identifier}/deliveries": {
        "get": operation("listDeliveries", "What a webhook was told",
                         json_answer(success_of(list_of(ref("schemas", "Delivery"))), "Newest first"),
                         400, 401, 404, parameters=[*_ONE, *_PAGING]),
    },
    _BASE + "/{webhook_identifier}/deliveries/{delivery_id}/replay": {
        "post": operation("replayDelivery", "Send a delivery again", _DELIVERY_ANSWER, 401, 404, 409,
                          parameters=[*_ONE, ref("parameters", "delivery_id")]),
    },
}  # fmt: skip
