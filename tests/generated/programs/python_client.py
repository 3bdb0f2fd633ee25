"""Uses the client that openapi-python-client has generated, and prints as JSON what the service has answered."""

import json
import sys
import time
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

from crashq_client import AuthenticatedClient, Client
from crashq_client.api.apps import list_apps, list_crashes
from crashq_client.api.crashes import show_crash
from crashq_client.api.downloads import download
from crashq_client.api.login import log_in
from crashq_client.api.logs import show_log, upload_log
from crashq_client.api.members_and_keys import list_ingest_keys
from crashq_client.api.questions import export_occurrence, occurrences
from crashq_client.api.senders import send_envelope
from crashq_client.api.webhooks import change_webhook, create_webhook, delete_webhook, list_webhooks
from crashq_client.models import ChangeWebhookBody, CreateWebhookBody, CreateWebhookBodyEventsItem, Error, LogInBody
from crashq_client.types import File

GRACE = 60.0  # seconds for a worker

given = json.loads(sys.argv[1])
base, app = given["base"], given["app"]


def until(ask, is_whole):
    """Ask again until the answer is whole."""
    deadline = time.monotonic() + GRACE
    while not is_whole(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


session = log_in.sync(client=Client(base), body=LogInBody(email=given["email"], password=given["password"]))
client = AuthenticatedClient(base, token=session.result.auth_token, prefix="Token")

apps = list_apps.sync(client=client).result
sent = upload_log.sync(app, client=client, body=File(BytesIO(Path(given["log"]).read_bytes())), log_id="many")
log = until(lambda: show_log.sync(app, "many", client=client).result, lambda shown: shown.status.value != "received")
crashes = list_crashes.sync(app, client=client).result
crash = crashes[0].identifier
rows = until(lambda: occurrences.sync(crash, client=client), lambda answer: answer.loading == [False]).result
newest = rows[0]
report = until(
    lambda: export_occurrence.sync(crash, client=client, id=newest.id, log_id=newest.log_id, date=newest.date),
    lambda answer: answer.loading == [False],
).result
file = download.sync(report.url.rpartition("/")[2], client=client)

[key] = list_ingest_keys.sync(app, client=client).result
envelope = File(BytesIO(Path(given["envelope"]).read_bytes().replace(b"$DSN", key.dsn.encode())))
event = send_envelope.sync(int(urlsplit(key.dsn).path.rpartition("/")[2]), client=Client(base), body=envelope)

wanted = CreateWebhookBody(url=given["hook"], events=[CreateWebhookBodyEventsItem.CRASH_NEW])
hook = create_webhook.sync(app, client=client, body=wanted).result
changed = change_webhook.sync(app, hook.identifier, client=client, body=ChangeWebhookBody(active=False)).result
deleted = delete_webhook.sync(app, hook.identifier, client=client)

missing = show_crash.sync_detailed("f" * 24, client=client)
assert isinstance(missing.parsed, Error)

print(
    json.dumps(
        {
            "apps": app in [one.identifier for one in apps],
            "sent": [sent.result.log_id, sent.result.status],
            "log": log.status.value,
            "crashes": [one.occurrences_count for one in crashes],
            "rows": len({row.id for row in rows}),
            "report": json.loads(file.payload.read())["exceptions"][0]["type"],
            "event": event.id,
            "hook": [hook.url, hook.active, changed.active, deleted.success],
            "hooks_left": len(list_webhooks.sync(app, client=client).result),
            "missing": [missing.status_code.value, missing.parsed.status.value],
        }
    )
)
