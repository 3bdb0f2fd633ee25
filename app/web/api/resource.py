"""Resources of the API: blueprints whose views say by their signatures what goes in and what comes out.

Each operation declares who may call it (`app.identity.access`), which is checked before the view is called.
A view's parameters have fixed names: `app` is the app of the path, which the sender has to be a member of; `user` the
sender's id; `uploader` who may send symbols; `paging`, `query` and `body` what was read from the query and the JSON body; any
other is a part of the path. It returns a ResponseBody or a list of them, an Answer, a Page, a BareDocument, None where there is
nothing to say, or a Response of its own.
By the same signatures app.web.api.openapi describes it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar, get_type_hints
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, request

from app.acting import Actor, act_as
from app.db.models.membership import Role
from app.identity import access, accounts, keys
from app.identity.access import Access
from app.json_models import ResponseBody, read_params
from app.paging import DEFAULT_PER_PAGE, offset_of, read_paging
from app.web.api import answers
from app.web.api.request_values import MAX_BODY, json_object
from app.web.api.tags import Tag
from app.web.auth import services, token, uploader, user_id

B = TypeVar("B", bound=ResponseBody)
N = TypeVar("N", bound=ResponseBody | None)
R = TypeVar("R")
D = TypeVar("D")
View = TypeVar("View", bound=Callable[..., Any])
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Paging:
    """The window of a list that is requested: one row more than the page, to see whether there is a next one."""

    limit: int
    offset: int
    query: dict[str, str]

    @classmethod
    def of_request(cls) -> Self:
        """From `page` and `per_page`. Raises BadParameters."""
        query = request.args.to_dict()
        page, per_page = read_paging(query)
        per_page = per_page or DEFAULT_PER_PAGE
        return cls(per_page + 1, offset_of(page or 1, per_page), query)


class PagingAfter(Paging):
    """The same of a list that goes on after its last row, by `after` alone."""


@dataclass(frozen=True)
class Page(Generic[B]):
    """One page of a list."""

    rows: list[Any]  # of the window: one more than are shown where there is a next page
    items: list[B]
    paging: Paging
    cursor: str | None = None  # of the last item, where the list goes on after it

    @classmethod
    def of(
        cls, rows: list[R], paging: Paging, body_of: Callable[[R], B], after: Callable[[R], str] | None = None
    ) -> "Page[B]":
        """The page of the rows in a window; `after` makes a row's cursor for the next page, which else goes by number."""
        shown = rows[: paging.limit - 1]
        return cls(rows, [body_of(row) for row in shown], paging, after(shown[-1]) if after and shown else None)

    def response(self, status: int) -> Response:
        """As JSON, with a link to the next page."""
        made = answers.success([item.to_json() for item in self.items], status)
        if len(self.rows) == self.paging.limit:
            path = quote(request.script_root + request.path)  # as clients reach it, with the prefix of a proxy
            following = {**self.paging.query, **self._following()}
            made.headers["Link"] = f'<{path}?{urlencode(following)}>; rel="next"'
        return made

    def _following(self) -> dict[str, Any]:
        """By what the query of the next page differs."""
        if self.cursor is not None:
            return {"after": self.cursor}
        per_page = self.paging.limit - 1
        return {"page": self.paging.offset // per_page + 2, "per_page": per_page}


@dataclass(frozen=True)
class Answer(Generic[N]):
    """A body, or null, with headers of its own."""

    body: N
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BareDocument(Generic[D]):
    """A body of another protocol: as it is, not in `{"success":true,"result":…}`."""

    value: D  # a ResponseBody, or a list or a dict of some
    status: int | None = None  # another one than the operation's

    def response(self, status: int) -> Response:
        """As JSON."""
        made = answers.document(_json_of(self.value))
        made.status_code = self.status or status
        return made


@dataclass(frozen=True)
class Operation:
    """A route: how its view is called, and what openapi.json says about it."""

    method: str
    path: str  # as Flask has it
    name: str  # `operationId`
    summary: str
    view: Callable[..., Any]
    about: str = ""  # the response that succeeds
    status: int = 200  # of that
    also: tuple[int, ...] = ()  # other statuses of a BareDocument that succeeds
    errors: tuple[int, ...] = ()  # beside those that follow from the signature
    headers: str = ""  # names of the response's own headers
    is_open: bool = False  # needs no token
    access: Access | None = None  # who may call it; what declares none is for viewers to read, and for owners to change
    by_key: bool = True  # False: a personal key may not call it, only a login
    reads: Any = None  # the model of a body that the view reads by itself
    max_body: int = MAX_BODY  # bytes of a JSON body
    responses: dict[str, Any] | None = None  # of OpenAPI, for views that make their response themselves
    more: dict[str, Any] = field(default_factory=dict)  # further fields of OpenAPI's operation object

    def __post_init__(self) -> None:
        hints = get_type_hints(self.view, include_extras=True)
        object.__setattr__(self, "returns", hints.pop("return"))
        object.__setattr__(self, "takes", hints)
        if self.is_open and self.access is None:
            object.__setattr__(self, "access", Access.OPEN)

    returns: Any = field(init=False)
    takes: dict[str, Any] = field(init=False)  # name of a parameter -> its type

    @property
    def variables(self) -> list[str]:
        """The names of the parts of its path."""
        return _VARIABLE.findall(self.path)

    @property
    def needed(self) -> Access:
        """Who may call it, declared or not."""
        return self.access or (Access.VIEWER if self.method == "GET" else Access.OWNER)

    def __call__(self, **values: Any) -> Response:
        """The response. Who asks is checked first, then the query, then the body."""
        user = user_id() if {"app", "user"} & set(self.takes) else 0
        if user:
            act_as(Actor(user))
            if not self.by_key:
                keys.require_login(token())
        if "app" in self.takes:
            needed = self.needed.role or Role.OWNER
            values["app"] = accounts.app_for_user(services(), values.pop("app_identifier"), user, needed)
        elif "user" in self.takes:
            access.check(services(), user, self.needed, values)
        if "user" in self.takes:
            values["user"] = user
        if "uploader" in self.takes:
            values["uploader"] = uploader()
        if "paging" in self.takes:
            values["paging"] = self.takes["paging"].of_request()
        if "query" in self.takes:
            values["query"] = self.takes["query"].read(request.args.to_dict())
        if "body" in self.takes:
            values["body"] = read_params(self.takes["body"], json_object(self.max_body))
        return _response(self.view(**values), self.status)


class Resource(Blueprint):
    """A blueprint that is described in openapi.json under a heading of its own."""

    def __init__(
        self,
        name: str,
        tag: Tag,
        *,
        url_prefix: str = "",
        template_folder: str | None = None,
        strict_slashes: bool = True,  # False: a slash at the end of a path may be missing
        access: Access | None = None,  # of its operations that declare none
    ) -> None:
        super().__init__(name, __name__, url_prefix=url_prefix, template_folder=template_folder)
        self.tag, self.strict_slashes, self.access = tag, strict_slashes, access
        self.operations: list[Operation] = []

    def operation(self, method: str, path: str, name: str, summary: str, **described: Any) -> Callable[[View], View]:
        """Route `method path` to a view; `described` are further fields of Operation."""

        def route(view: View) -> View:
            declared = {"access": None if described.get("is_open") else self.access, **described}
            made = Operation(method, (self.url_prefix or "") + path, name, summary, view, **declared)
            self.operations.append(made)
            self.add_url_rule(path, view.__name__, made, methods=[method], strict_slashes=self.strict_slashes)
            return view

        return route

    def get(self, path: str, name: str, summary: str, **described: Any) -> Callable[[View], View]:  # type: ignore[override]
        """Route a GET: `operation` has the arguments."""
        return self.operation("GET", path, name, summary, **described)

    def post(self, path: str, name: str, summary: str, **described: Any) -> Callable[[View], View]:  # type: ignore[override]
        """Route a POST: `operation` has the arguments."""
        return self.operation("POST", path, name, summary, **described)

    def patch(self, path: str, name: str, summary: str, **described: Any) -> Callable[[View], View]:  # type: ignore[override]
        """Route a PATCH: `operation` has the arguments."""
        return self.operation("PATCH", path, name, summary, **described)

    def put(self, path: str, name: str, summary: str, **described: Any) -> Callable[[View], View]:  # type: ignore[override]
        """Route a PUT: `operation` has the arguments."""
        return self.operation("PUT", path, name, summary, **described)

    def delete(self, path: str, name: str, summary: str, **described: Any) -> Callable[[View], View]:  # type: ignore[override]
        """Route a DELETE: `operation` has the arguments."""
        return self.operation("DELETE", path, name, summary, **described)


def _response(made: Any, status: int) -> Response:
    if isinstance(made, Response):
        return made
    if made is None:
        return answers.bare_success()
    if isinstance(made, Answer):
        response = answers.success(made.body and made.body.to_json(), status)
        response.headers.update(made.headers)
        return response
    if isinstance(made, Page | BareDocument):
        return made.response(status)
    if isinstance(made, ResponseBody):
        return answers.success(made.to_json(), status)
    return answers.success([item.to_json() for item in made], status)


def _json_of(value: Any) -> Any:
    if isinstance(value, ResponseBody):
        return value.to_json()
    if isinstance(value, dict):
        return {name: _json_of(one) for name, one in value.items()}
    return [_json_of(one) for one in value] if isinstance(value, list) else value
