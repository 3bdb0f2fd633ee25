"""A user who waits for too many jobs, over HTTP."""

from dataclasses import replace

from app import create_app
from tests.factories import make_crash


def test_one_job_too_many_is_429_with_retry_after_and_polling_goes_on(services, member):
    limited = replace(services, config=replace(services.config, live_jobs_per_user=1))
    client = create_app(limited).test_client()
    url = f"/api/crashes/{make_crash(services, member.app).identifier}/occurrences"
    first = client.get(url, headers=member.headers)

    refused = client.get(f"{url}?per_page=5", headers=member.headers)
    polled = client.get(url, headers=member.headers)

    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "5"
    assert refused.json["status"] == "too_many_requests"
    assert polled.json["job_id"] == first.json["job_id"]
