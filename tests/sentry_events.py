"""Small whole Sentry events of a made-up app, with a user."""

import hashlib
import json
from typing import Any


def sentry_event(user_id: str | None, message: str = "index 4 out of range", name: str = "", **more: Any) -> bytes:
    """One event; another name makes another event of the same crash."""
    event = {
        "event_id": hashlib.md5(f"{user_id}{message}{name}{more}".encode(), usedforsecurity=False).hexdigest(),
        "platform": "java",
        "timestamp": "2018-09-13T08:02:53Z",
        "release": "com.example.notes@1.2+45",
        "exception": {"values": [{
            "type": "IllegalStateException", "value": message,
            "stacktrace": {"frames": [{"function": "onClick", "module": "com.example.notes.PageView",
                                       "filename": "PageView.java", "lineno": 12, "in_app": True}]},
        }]},
        **({"user": {"id": user_id}} if user_id is not None else {}),
        **more,
    }  # fmt: skip
    return json.dumps(event).encode()
