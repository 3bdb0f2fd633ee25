"""What holds for every page of the console: who may see it, what its browser may do, its size, its errors."""

import gzip
import re

import pytest

from app.web.console import static_files
from app.web.console.headers import POLICY
from app.web.console.page_access import DECLARED
from tests.console import BROWSER, OWN, Page, sign_in
from tests.factories import make_crash, make_member

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \"'{{ 7*7 }}"
FIRST_PAGE = 100_000  # bytes in all


@pytest.fixture
def crash(services, member):
    return make_crash(services, member.app)


@pytest.fixture
def paths(client, member, crash):
    """Every page that is for members and needs no more to be named than an app or a crash."""
    known = {"app_identifier": member.app.identifier, "crash_identifier": crash.identifier}
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint.startswith("console.")]
    open_to_all = tuple(f"console.{name}." for name in ("forgot_password", "home", "openid", "sign_in", "static_files"))
    found = [
        re.sub(r"<(\w+)>", lambda name: known[name[1]], rule.rule)
        for rule in rules
        if "GET" in rule.methods and rule.arguments <= set(known) and not rule.endpoint.startswith(open_to_all)
    ]
    assert {"/apps", f"/apps/{member.app.identifier}/crashes", f"/crashes/{crash.identifier}"} <= set(found)
    return sorted(found)


def modules_of(page: Page) -> set[str]:
    """Names of the modules that a page loads, directly or by import."""
    found, waiting = set(), [script["src"].rpartition("/")[2] for script in page.all("script")]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += re.findall(r'(?:import|from) "\./([^"]+)"', static_files.files()[name].content.decode())
    return found


def test_every_page_and_form_declares_who_may(client):
    views = {
        rule.endpoint: client.application.view_functions[rule.endpoint]
        for rule in client.application.url_map.iter_rules()
        if rule.endpoint.startswith("console.")
    }

    assert [endpoint for endpoint, view in views.items() if not hasattr(view, DECLARED)] == []  # @needs(Access…)


def test_every_page_is_for_members_and_leads_back(client, paths):
    for path in paths:
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (303, f"/sign-in?next={path}")


def test_no_page_runs_or_loads_anything_but_our_own_files(client, member, paths):
    sign_in(client, member)

    for path in ["/sign-in", "/sign-out", "/nowhere", *paths]:
        answer = client.get(path, headers=BROWSER, follow_redirects=True)
        page = Page(answer.text)
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert "unsafe" not in POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "private, no-store"
        for tag, attributes in page.elements:
            assert "style" not in attributes
            assert not any(name.startswith("on") for name in attributes)
            assert tag != "style"
            for name in ("src", "href", "action"):
                assert (attributes.get(name) or "/").startswith(("/", "#", "?"))
        assert all(script["src"].startswith("/static/") for script in page.all("script"))


def test_the_first_page_is_small_in_all(client, member, paths):
    sign_in(client, member)

    for path in paths:
        answer = client.get(path)
        page = Page(answer.text)
        names = modules_of(page) | {"icons.svg", "logo.svg"}
        names |= {sheet["href"].rpartition("/")[2] for sheet in page.all("link") if sheet.get("rel") == "stylesheet"}
        total = len(answer.data) + sum(len(static_files.files()[name].content) for name in names)
        assert total < FIRST_PAGE, path  # not even packed


def test_no_module_makes_markup_of_text():
    for name, file in static_files.files().items():
        found = set(
            re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(", file.content.decode()
            )
        )
        allowed = (
            {"DOMParser"} if name == "sections.js" else set()
        )  # parts of pages that the server has made and escaped
        assert not name.endswith(".js") or found == allowed, name


def test_another_tenants_pages_are_not_found(services, client, member, paths):
    sign_in(client, make_member(services, "mallory@example.com"))

    for path in paths:
        if not re.search("[0-9a-f]{24}", path):
            continue
        answer = client.get(path)
        assert (path, answer.status_code) == (path, 404)
        assert "Not found" in answer.text
        assert "NSRangeException" not in answer.text


def test_what_a_log_says_is_text(services, client, member):
    with services.db.write() as session:
        session.merge(make_crash(services, member.app)).title = HOSTILE[:200]
        session.merge(member.app).name = HOSTILE[:100]
    sign_in(client, member)

    for path in ["/apps", f"/apps/{member.app.identifier}/crashes"]:
        page = Page(client.get(path).text)
        assert HOSTILE in page.text
        assert not any("alert" in str(attributes.get("onerror")) for attributes in page.all("img"))
        assert [script for script in page.all("script") if "src" not in script] == []


@pytest.mark.parametrize("path", ["/apps/x/crashes", "/crashes/x", "/crashes/" + "0" * 24, "/nowhere", "/apps/x/y/z"])
def test_what_is_not_there_is_a_page_that_says_so(client, member, path):
    sign_in(client, member)

    answer = client.get(path, headers=BROWSER)

    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "Not found" in answer.text
    assert "To the apps" in answer.text


def test_a_parameter_that_makes_no_sense_is_a_page_that_names_it(client, member):
    sign_in(client, member)

    answer = client.get(f"/apps/{member.app.identifier}/crashes?since_date=yesterday")

    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert "since_date is not a date" in answer.text


def test_a_page_that_breaks_says_so_and_no_more(client, member, monkeypatch):
    sign_in(client, member)
    monkeypatch.setattr("app.web.console.pages.apps.apps_of", lambda *_: 1 / 0)

    answer = client.get("/apps")

    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "Something went wrong" in answer.text
    assert "division" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text


@pytest.mark.parametrize("path", ["/api/nowhere", "/api", "/nowhere", "/api/apps/x/crashes", "/metrics/x"])
def test_programs_are_told_in_json(client, path):
    accept = BROWSER if path != "/nowhere" else {"Accept": "*/*"}

    answer = client.get(path, headers=accept)

    assert answer.mimetype == "application/json"
    assert answer.json["success"] is False


def test_a_method_that_a_page_does_not_take_is_refused(client, member):
    sign_in(client, member)

    answer = client.post("/jobs", headers={**OWN, **BROWSER})

    assert (answer.status_code, answer.mimetype) == (405, "text/html")


def test_a_form_without_proof_is_refused_with_a_page(client, member):
    sign_in(client, member)

    answer = client.post("/sign-out", headers=OWN)

    assert (answer.status_code, answer.mimetype) == (401, "text/html")
    assert client.get("/apps").status_code == 200


def test_a_form_that_is_too_large_is_refused(client):
    answer = client.post("/sign-in", data={"email": "x" * 70_000}, headers=OWN)

    assert (answer.status_code, answer.mimetype) == (413, "text/html")


def test_files_are_kept_for_ever_by_their_version(client):
    page = Page(client.get("/sign-in").text)
    [sheet] = [link["href"] for link in page.all("link") if link["rel"] == "stylesheet"]

    plain = client.get(sheet)
    packed = client.get(sheet, headers={"Accept-Encoding": "gzip"})

    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.mimetype == "text/css"
    assert gzip.decompress(packed.data) == plain.data
    assert "Set-Cookie" not in plain.headers
    assert client.get(sheet.replace(static_files.version(), "0" * 16)).headers["Cache-Control"] == "no-store"
    assert client.get(sheet.replace("console.css", "nothing.css")).status_code == 404
    assert client.get(sheet.replace("console.css", "..%2Fpage.py")).status_code == 404


def test_a_page_is_compressed_for_clients_that_take_it(client, member):
    sign_in(client, member)
    url = f"/apps/{member.app.identifier}/crashes"

    plain, packed = (client.get(url, headers={"Accept-Encoding": how}) for how in ("identity", "gzip"))

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.vary
    assert len(packed.data) < len(plain.data) / 2
    assert Page(gzip.decompress(packed.data).decode()).text == Page(plain.text).text


def test_a_page_names_all_modules_that_it_will_need(client, member, paths):
    sign_in(client, member)

    for path in paths:
        page = Page(client.get(path).text)
        named = {script["src"] for script in page.all("script")}
        named |= {link["href"] for link in page.all("link") if link["rel"] == "modulepreload"}
        assert {address.rpartition("/")[2] for address in named} == modules_of(page)


def test_every_module_and_icon_that_is_named_exists(client, member, paths):
    sign_in(client, member)
    icons = set(re.findall(r'<symbol id="([a-z]+)"', static_files.files()["icons.svg"].content.decode()))

    for path in ["/sign-in", *paths]:
        page = Page(client.get(path, follow_redirects=True).text)
        assert modules_of(page) <= set(static_files.files())
        assert {use["href"].partition("#")[2] for use in page.all("use")} <= icons


def test_the_theme_that_was_chosen_is_in_the_page(client):
    client.set_cookie("crashq_theme", "dark")
    dark = client.get("/sign-in").text
    client.set_cookie("crashq_theme", '"><script>')
    forged = client.get("/sign-in").text

    assert '<html lang="en" data-theme="dark">' in dark
    assert '<html lang="en">' in forged


def test_without_apps_the_page_says_what_to_do(services, client, member):
    with services.db.write() as session:
        session.delete(session.merge(member.app))
    sign_in(client, member)

    page = client.get("/apps").text

    assert "No apps yet" in page
    assert "/apps" in {form.get("action") for form in Page(page).all("form")}


def test_without_crashes_the_page_says_what_to_do(client, member):
    sign_in(client, member)

    assert f"crashq log add --app {member.app.identifier}" in client.get(f"/apps/{member.app.identifier}/crashes").text
