"""A person's way through the console, in a real browser: from a log to its report, and what is told when something fails."""

import codecs
import csv
import hashlib
import io
import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import NARROW, wait_until_idle, watched
from tests.browser.conftest import MANY
from tests.factories import kscrash
from tests.system.conftest import EMAIL, PASSWORD, digested, finished, until

CORPUS = Path(os.environ.get("CRASHQ_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
SAMPLE = Path(__file__).parents[2] / "app" / "samples" / "kscrash-json" / "bad-access.json"


@pytest.fixture(scope="session")
def real_log() -> Path:
    """A log that a phone wrote, where there are such; else one of our own."""
    found = sorted((CORPUS / "apple-ips").glob("*.ips")) if CORPUS.is_dir() else []
    return found[0] if found else SAMPLE


def upload(console, log_id: str, log: bytes) -> dict:
    """A log that is digested; returns its one occurrence."""
    console.http.send("POST", f"/api/apps/{console.app}/logs?log_id={log_id}", log)
    [occurrence] = digested(console.http, console.app, log_id)["occurrences"]
    return occurrence


def jobs(console, state: str) -> list[dict]:
    return [job for job in console.http.send("GET", "/api/jobs").json["result"] if job["state"] == state]


def test_after_signing_in_the_user_gets_the_page_that_was_asked_for(console, browser):
    with watched(browser, console.base) as made:
        made.expected.append("401")
        page = made.page()
        page.goto(f"/apps/{console.app}/crashes")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()

        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

        expect(page.get_by_role("heading", name="Crashes", level=1)).to_be_visible()
        [cookie] = [one for one in made.context.cookies() if one["name"] == "crashq"]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_a_log_that_is_sent_by_the_page_becomes_an_occurrence_of_a_crash(console, visit, real_log):
    page = visit().page()
    page.goto(f"/apps/{console.app}/logs")

    page.get_by_label("Drop crash logs here").set_input_files(real_log)
    sent = page.get_by_role("list", name="Uploads").get_by_role("listitem")
    expect(sent).to_contain_text("digested")
    sent.get_by_role("link", name="Open").click()
    page.locator("main [data-row]").first.click()

    expect(page.locator("#report .fault").first).to_be_visible()
    wait_until_idle(page)
    assert "crash-1" in page.locator("#occurrences [data-rows]").inner_text()


def test_occurrences_fill_in_while_their_job_runs(console, visit):
    [crash, *_] = console.crashes()
    page, answers = visit().page(), []
    asked = f"{console.base}/api/crashes/{crash['identifier']}/occurrences"
    page.on("response", lambda answer: answers.append(answer) if answer.url.startswith(asked) else None)
    since = crash["first_seen"][:10]

    page.goto(f"/crashes/{crash['identifier']}?since_date={since}")  # a question that nobody has asked before
    wait_until_idle(page)

    states = [answer.json()["loading"] for answer in answers]
    assert states[0] == [True]
    assert states[-1] == [False]
    rows = answers[-1].json()["result"]
    assert len(rows) == crash["occurrences_count"]
    assert [link.inner_text().split()[0] for link in page.locator("#occurrences [data-row]").all()] == [
        row["id"] for row in rows
    ]


def test_figures_fill_in_and_a_drag_over_the_days_chooses_some(console, visit):
    [crash, *_] = console.crashes()
    page = visit().page()
    page.goto(f"/crashes/{crash['identifier']}")
    chart = page.locator("#statistics svg.histogram")
    expect(chart).to_be_visible()
    wait_until_idle(page)
    days = page.locator("#statistics .day").all()
    told = finished(console.http, f"/api/crashes/{crash['identifier']}/statistics")
    assert [int(day.get_attribute("data-count")) for day in days] == told["occurrences_per_day"]

    box = chart.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url("**since_date=**")
    wait_until_idle(page)

    asked = parse_qs(urlsplit(page.url).query)
    first, last = (page.locator("#statistics .day").nth(at).get_attribute("data-date") for at in (0, -1))
    assert (first, last) == (asked["since_date"][0], asked["until_date"][0])
    assert len(days) > page.locator("#statistics .day").count() > 1


@pytest.mark.parametrize("made_as", ["json", "txt", "html", "zip"])
def test_a_report_is_downloaded_to_the_byte(console, visit, made_as):
    [crash, *_] = console.crashes()
    page = visit(accept_downloads=True).page()
    page.goto(f"/crashes/{crash['identifier']}")
    wait_until_idle(page)

    with page.expect_download() as waiting:
        page.locator("#report").get_by_role("button", name=made_as.upper(), exact=True).click()
    content = Path(waiting.value.path()).read_bytes()

    [row, *_] = finished(console.http, f"/api/crashes/{crash['identifier']}/occurrences")
    question = f"id={row['id']}&log_id={row['log_id']}&date={row['date']}&format={made_as}"
    export = finished(console.http, f"/api/crashes/{crash['identifier']}/export_occurrences?{question}")
    assert waiting.value.suggested_filename == export["filename"]
    assert (len(content), hashlib.sha256(content).hexdigest()) == (export["size"], export["sha256"])


def test_the_occurrences_of_a_crash_are_exported_as_rows(console, visit):
    [crash, *_] = console.crashes()
    page = visit(accept_downloads=True).page()
    page.goto(f"/crashes/{crash['identifier']}")
    wait_until_idle(page)

    page.get_by_role("heading", name="Export occurrences").click()
    page.locator("#batch").get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.locator("#batch .files a").first.click()
    content = Path(waiting.value.path()).read_bytes()
    assert content.startswith(codecs.BOM_UTF8)  # by which a spreadsheet program knows UTF-8
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))

    assert len(rows) == crash["occurrences_count"]
    assert {row["crash_identifier"] for row in rows} == {crash["identifier"]}


def test_a_long_job_is_cancelled_where_it_was_begun(console, visit):
    page = visit().page()
    page.goto(f"/crashes/{console.big_crash}")
    page.get_by_role("heading", name="Export occurrences").click()
    page.get_by_label("Format").select_option("ndjson")
    page.locator("#batch").get_by_role("button", name="Export").click()
    expect(page.locator("#batch progress")).to_be_visible()

    page.locator("#batch").get_by_role("button", name="Cancel").click()

    expect(page.locator("#batch")).to_contain_text("Cancelled")
    [job] = until(lambda: jobs(console, "cancelled"), "the job to be cancelled")
    assert (job["kind"], job["progress"]["total"]) == ("crash_batch", MANY)


def test_a_job_that_failed_says_why_where_it_was_asked_and_among_the_jobs(console, visit):
    occurrence = upload(console, "lost", kscrash(frame="-[Notebook lose]"))
    [stored] = console.operator.data_dir.glob("objects/logs/**/lost.*")
    stored.write_bytes(b"nothing that anybody reads".ljust(stored.stat().st_size))
    made = visit()
    made.expected.append("410")
    page = made.page()

    page.goto(f"/crashes/{occurrence['crash_identifier']}")
    [job] = until(lambda: jobs(console, "failed"), "the job to fail")
    expect(page.locator("#report .flash-bad")).to_contain_text(job["error"]["message"])
    page.goto("/jobs?show=all&state=failed")
    page.locator("[data-row]").first.click()

    assert job["error"]["status"] == 410
    expect(page.get_by_text(job["error"]["explanation"])).to_be_visible()
    expect(page.get_by_text("What to do:")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_a_press_of_a_button_makes_it_dark_and_it_stays_so(console, visit):
    page = visit(color_scheme="light").page()
    page.goto("/apps")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)

    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(background)
    page.reload()

    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert light != dark == page.evaluate(background)


def test_on_a_small_screen_everything_is_still_at_hand(console, visit):
    [crash, *_] = console.crashes()
    page = visit(viewport=NARROW, has_touch=True).page()
    page.goto("/apps")

    page.get_by_role("link", name="Larkspur").first.tap()
    page.get_by_role("link", name=crash["title"].partition(":")[0]).first.tap()
    wait_until_idle(page)

    for target in ("#statistics", "#report", "#occurrences", "#batch"):
        page.locator(target).scroll_into_view_if_needed()
        box = page.locator(target).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW["width"]


def test_the_keyboard_alone_leads_from_signing_in_to_a_report(console, browser):
    with watched(browser, console.base) as made:
        page = made.page()
        page.goto(f"/apps/{console.app}/crashes")
        page.get_by_label("E-mail").focus()
        page.keyboard.type(EMAIL)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/crashes")
        wait_until_idle(page)

        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        page.keyboard.press("/")
        page.keyboard.type("nsrangeexception")
        page.keyboard.press("Enter")
        page.wait_for_url("**search=nsrangeexception**")
        wait_until_idle(page)
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/crashes/*")
        wait_until_idle(page)

        expect(page.get_by_role("heading", level=1)).to_contain_text("NSRangeException")
        expect(page.locator("#report .fault").first).to_be_visible()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_without_scripts_there_is_everything_to_read(console, visit):
    [crash, *_] = console.crashes()
    finished(console.http, f"/api/crashes/{crash['identifier']}/statistics")
    page = visit(java_script_enabled=False).page()

    page.goto(f"/crashes/{crash['identifier']}")

    expect(page.locator("#statistics svg.histogram")).to_be_visible()
    expect(page.locator("#report .fault").first).to_be_visible()
    expect(page.locator("#occurrences [data-rows] li").first).to_be_visible()


def test_what_pages_say_they_were_asked_is_what_the_api_tells(console, visit):
    page = visit().page()
    page.goto(f"/apps/{console.app}/crashes")
    wait_until_idle(page)

    shown = [cell.inner_text() for cell in page.locator(".crash-table td[data-label=Occurrences]").all()]
    told = console.http.send("GET", f"/api/apps/{console.app}/crashes").json["result"]
    assert [int(number.replace(",", "")) for number in shown] == [crash["occurrences_count"] for crash in told]
    assert json.dumps(told[0]["title"].partition(":")[0])[1:-1] in page.locator(".crash-table").inner_text()
