"""Mounts every kind of job at its path, and shows, lists and cancels jobs."""

from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from flask import Blueprint, Response, current_app, request
from werkzeug.http import http_date

from app.accounts import token_hash
from app.api import answers, packing
from app.api.asking import asked_values
from app.api.context import services, token, user_id
from app.api.paging import link_after, link_next, window
from app.api.repeats import Repeats, changes
from app.api.waiting import LONG, MOMENT, Waiting, wanted_wait
from app.cursors import cursor, read_cursor
from app.jobs import KINDS, service, starting
from app.jobs.envelope import description, envelope, etag, progress
from app.jobs.kind import AnyJob, Kind, Showing
from app.jobs.links import link, part_link
from app.jobs.outcomes import answering
from app.jobs.polling import answer_at_once, answered, is_live, is_over, settle

PACKED = "-gzip"  # behind the ETag of a result that is packed: other bytes are another tag
REPEATS, WAITING = "crashq.repeats", "crashq.waiting"
SMALL = 16 * 1024  # characters of a result that is kept to be repeated

blueprint = Blueprint("jobs", __name__, url_prefix="/api")


def _mount(name: str, kind: Kind) -> None:
    def poll(**path: str) -> Response:
        [identifier] = path.values()
        waited = wanted_wait(request.headers.get("Prefer", ""))
        if kind.METHOD == "GET":
            asked = _asked(name, identifier)
            user, job = _find_in_a_moment(asked) if waited is None else _find_or_begin(asked, is_held=True)
        else:
            user = user_id()
            job = service.ask(services(), user, name, identifier, asked_values())
        if waited is None or not job.is_live:
            return _answer(user, job)
        latest: AnyJob | None = None

        def is_over() -> bool:
            nonlocal latest
            latest = _latest(name, identifier, job.id) if kind.METHOD == "GET" else None
            return not (latest.is_live if latest else is_live(services(), job))

        held = _waiting().held.wait(
            waited, name if job.progress_total <= starting.LONG_FROM else LONG, _age(job), is_over
        )
        response = _answer(user, latest or answering(service.look_up(services(), user, job.id), services().now()))
        if latest and not latest.is_live:
            answered(services(), latest)
        if held:
            response.headers["Preference-Applied"] = f"wait={waited}"
        return response

    blueprint.add_url_rule(kind.PATH, endpoint=name, view_func=poll, methods=[kind.METHOD])


for _name, _kind in KINDS.items():
    _mount(_name, _kind)


@blueprint.get("/jobs")
def list_jobs() -> Response:
    """The jobs that the user has asked for, newest first: `state`, `app_identifier`; pages by `after`, or by `page`."""
    user, query = user_id(), request.args.to_dict()
    limit, offset = window(query)
    after = read_cursor(query["after"]) if query.get("after") else None
    wanted = {"state": query.get("state", ""), "app_identifier": query.get("app_identifier", "")}
    rows = service.asked_by(services(), user, limit, 0 if after else offset, after=after, **wanted)
    page = rows[: limit - 1]
    response = answers.success([description(job) for job, _ in page])
    if "page" in query and not after:
        return link_next(response, rows, query)
    return link_after(response, cursor(page[-1][1], page[-1][0].id), query) if len(rows) == limit else response


@blueprint.post("/jobs/<job_id>/retry")
def retry_job(job_id: str) -> Response:
    """Ask anew what a failed, cancelled or expired job was asked."""
    return answers.success(description(service.ask_again(services(), user_id(), job_id)), 202)


@blueprint.get("/jobs/<job_id>")
def show_job(job_id: str) -> Response:
    """State, progress, attempts, times, error and question of a job."""
    return answers.success(description(service.look_up(services(), user_id(), job_id)))


@blueprint.delete("/jobs/<job_id>")
def cancel_job(job_id: str) -> Response:
    """Cancel a live job, or free the files of a finished one."""
    return answers.success(description(service.cancel(services(), user_id(), job_id)))


class _Asked(NamedTuple):
    """A question and who asks it, as polls repeat it."""

    token_hash: str
    kind: str
    identifier: str
    words: str | bytes  # the id of a job, or else the query string


def _asked(kind: str, identifier: str) -> _Asked:
    words = request.args.get("job_id") or request.query_string
    return _Asked(token_hash(token()), kind, identifier, words)


def _find_in_a_moment(asked: _Asked) -> tuple[int, AnyJob]:
    """Find or begin a job. A poll that comes right after its user was told of a short job waits a moment for its end."""
    _, moments, recent = _waiting()
    found: tuple[int, AnyJob] | None = None

    def is_over() -> bool:
        nonlocal found
        found = _find_or_begin(asked, is_new=False)
        return not found[1].is_live

    age = recent.age(asked)
    if age is not None:
        moments.wait(MOMENT, asked.kind, age, is_over)
    user, job = found or _find_or_begin(asked, is_new=age is None)
    if not job.is_live:
        if age is not None:
            recent.forget(asked)
            answered(services(), job)
    elif job.progress_total <= starting.LONG_FROM:
        for question in (asked, asked._replace(words=job.id)):
            recent.note(question, _age(job))
    return user, job


def _find_or_begin(asked: _Asked, *, is_new: bool = True, is_held: bool = False) -> tuple[int, AnyJob]:
    repeats: Repeats[tuple[int, AnyJob]] = current_app.extensions[REPEATS]
    hashed, kind, crash_identifier, _ = asked
    question, word, query = (asked, request.query_string), changes.now(), request.args.to_dict()
    found = repeats.find(question)
    if found and not is_over(found[1], services().now()):
        return found
    found = answer_at_once(services(), hashed, kind, crash_identifier, query, is_new=is_new, at_ease=is_held)
    if found:
        if not found[1].is_live and len(found[1].result_text or "") <= SMALL:
            repeats.keep(question, word, found)
        return found
    user = user_id()
    return user, service.ask(services(), user, kind, crash_identifier, query)


def _latest(kind: str, identifier: str, job_id: str) -> AnyJob | None:
    """A job that is waited for, live or finished; None when it takes more to tell what became of it."""
    query = {**request.args.to_dict(), "job_id": job_id}
    found = answer_at_once(services(), token_hash(token()), kind, identifier, query)
    return found[1] if found else None


def _answer(user: int, job: AnyJob) -> Response:
    if job.is_live:
        if not request.args.get("job_id"):
            settle(services(), job)
        response = answers.stream(envelope(job, _showing(user)))
        response.headers["Retry-After"] = str(_retry_after(job))
        response.headers["X-Progress"] = progress(job)
        response.headers["Cache-Control"] = "no-store"
        return response
    assert job.finished_at is not None
    assert job.expires_at is not None
    tag = etag(job)
    kept = {
        "Last-Modified": _http_date(job.finished_at),
        "Expires": _http_date(job.expires_at),
        "Cache-Control": "private",
    }
    if request.if_none_match.contains_weak(tag) or request.if_none_match.contains_weak(tag + PACKED):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": f'"{tag}"', **kept})
    body = envelope(job, _showing(user))
    if body.size < packing.FROM:
        return answers.stream(body, {"ETag": f'"{tag}"', **kept})
    kept["Vary"] = "Accept-Encoding"
    if not request.accept_encodings["gzip"]:
        return answers.stream(body, {"ETag": f'"{tag}"', **kept})
    own = {"Content-Type": "application/json", "Content-Encoding": "gzip", "ETag": f'"{tag}{PACKED}"'}
    return Response(packing.packed(body.chunks), headers={**own, **kept})


@lru_cache(256)
def _http_date(moment: datetime) -> str:
    return http_date(moment)


def _showing(user: int) -> Showing:
    return Showing(
        services().storage,
        lambda job: _host() + link(services(), job, user),
        lambda job, number: _host() + part_link(services(), job, number, user),
    )


def _age(job: AnyJob) -> float:
    return (services().now() - job.created_at).total_seconds()


def _waiting() -> Waiting:
    found: Waiting = current_app.extensions[WAITING]
    return found


def _host() -> str:
    return services().config.public_url or request.host_url.rstrip("/")


def _retry_after(job: AnyJob) -> int:
    """Seconds: a fifth of the time the job has taken so far, from 1 to 10; long jobs need not be asked for often."""
    return max(1, min(10, int(_age(job) / 5)))
