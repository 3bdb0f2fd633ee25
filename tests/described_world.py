"""One of everything that has an identifier, for requests that are to reach further than `not found`."""

from dataclasses import dataclass
from typing import Any

from schemathesis import Case

from tests.factories import make_member
from tests.live.conftest import Web
from tests.uploads import digested, export_url


@dataclass(frozen=True)
class Known:
    """Identifiers by the name that paths give them, and the login that may see them."""

    ids: dict[str, Any]
    headers: dict[str, str]
    thrown_away: dict[str, str]  # a login that a request may end

    def put_into(self, case: Case[Any]) -> None:
        """Ask about what is there, unless it would be deleted: the next request needs it."""
        if case.method != "DELETE":
            for name in case.path_parameters or {}:
                if name in self.ids:
                    case.path_parameters[name] = self.ids[name]

    def headers_for(self, label: str) -> dict[str, str]:
        """The login to ask with, by the operation's method and path."""
        return self.thrown_away if label == "DELETE /api/login" else self.headers


def known_things(web: Web) -> Known:
    """Make them over the API."""
    member = make_member(web.services, "describer@example.com", "Described")
    app, auth = f"/api/apps/{member.app.identifier}", member.headers
    log = digested(web.client, member, web.work)
    crash = log["occurrences"][0]["crash_identifier"]
    web.client.get(export_url(log), headers=auth)
    web.work()
    exported: Any = web.client.get(export_url(log), headers=auth).json

    def made(path: str, **body: Any) -> dict[str, Any]:
        answer = web.client.post(path, json=body, headers=auth)
        assert answer.status_code in (200, 201, 202), answer.data
        told: Any = answer.json
        result: dict[str, Any] = told["result"]
        return result

    hook = made(f"{app}/webhooks", url="https://1.1.1.1/", events=["job.finished"])
    channel = made(f"{app}/notifications", kind="webhook", address="https://1.1.1.1/", rules={"new": True})
    exporter = made("/api/data_exporters", name="Nightly", apps=[member.app.identifier], bucket_name="archive")
    symbols: Any = web.client.post(f"{app}/symbols?name=mapping.txt&version=1.2", data=b"a", headers=auth).json
    erasure: Any = web.client.delete(f"{app}/users/nobody-here", headers=auth).json
    login = {"email": member.email, "password": "correct horse battery staple"}
    again: Any = web.client.post("/api/login", json=login).json
    return Known(
        {
            "app_identifier": member.app.identifier,
            "crash_identifier": crash,
            "job_id": exported["job_id"],
            "log_id": log["log_id"],
            "signed": exported["result"]["url"].rpartition("/")[2],
            "webhook_identifier": hook["identifier"],
            "channel_identifier": channel["identifier"],
            "exporter_identifier": exporter["identifier"],
            "symbols_identifier": symbols["result"]["identifier"],
            "erasure_id": erasure["result"]["erasure_id"],
            "project": member.app.id,
            "key": member.ingest_key,
        },
        {**auth, "X-Sentry-Auth": f"Sentry sentry_key={member.ingest_key}"},
        {"Authorization": f"Token {again['result']['auth_token']}"},
    )
