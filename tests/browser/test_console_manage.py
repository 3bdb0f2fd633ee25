"""Sending logs, following jobs and changing settings, in a real browser."""

from playwright.sync_api import expect

from tests.factories import kscrash

LOG = {"name": "left at night.json", "mimeType": "application/json", "buffer": kscrash("the page was left")}
NO_LOG = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"nothing that anybody knows"}
EMPTY = {"name": "empty.log", "mimeType": "text/plain", "buffer": b""}

DROP = """([form, text]) => {
  const moved = new DataTransfer();
  moved.items.add(new File([text], "dropped.json"));
  for (const type of ["dragenter", "dragover", "drop"]) {
    form.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: moved }));
  }
}"""


def test_of_files_that_are_chosen_each_tells_what_became_of_it(console, visit):
    made = visit()
    made.expected.append("status of 400")  # the empty one
    page = made.page()
    page.goto(f"/apps/{console.app}/logs")

    page.get_by_label("Drop crash logs here").set_input_files([LOG, NO_LOG, EMPTY])

    uploads = page.get_by_role("list", name="Uploads").get_by_role("listitem")
    expect(uploads.nth(0)).to_contain_text("digested")
    expect(uploads.nth(0)).to_contain_text("1 occurrence")
    expect(uploads.nth(1)).to_contain_text("rejected")
    expect(uploads.nth(1)).to_contain_text("no crash report in a known format")
    expect(uploads.nth(2)).to_contain_text("The body is empty")
    uploads.nth(0).get_by_role("link", name="Open").click()
    expect(page.get_by_role("table", name="Occurrences in it").get_by_role("row")).to_have_count(2)


def test_a_dropped_file_is_sent_and_again_is_the_same_log(console, visit):
    page = visit().page()
    page.goto(f"/apps/{console.app}/logs")
    form = page.locator("form[data-logs]").element_handle()

    for _ in range(2):
        page.evaluate(DROP, [form, kscrash("dropped").decode()])

    uploads = page.get_by_role("list", name="Uploads").get_by_role("listitem")
    expect(uploads.filter(has_text="digested")).to_have_count(2)
    addresses = {link.get_attribute("href") for link in uploads.get_by_role("link").all()}
    assert len(addresses) == 1
    found = console.http.send("GET", f"/api{addresses.pop()}").json["result"]
    assert found["status"] == "digested"


def test_a_job_of_the_list_is_followed_to_its_end_and_another_is_cancelled(console, visit):
    path = f"/api/crashes/{console.big_crash}/exports"
    followed = console.http.send("POST", path, b'{"format":"ndjson","os_name":"followed"}').json["job_id"]
    page = visit().page()
    page.goto("/jobs")

    row = page.get_by_role("row").filter(has_text=followed)
    expect(row).to_contain_text("finished", timeout=60_000)
    expect(row.get_by_role("progressbar")).to_have_count(0)

    cancelled = console.http.send("POST", path, b'{"format":"zip"}').json["job_id"]
    page.goto("/jobs?state=live")
    page.get_by_role("row").filter(has_text=cancelled).get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status").first).to_contain_text("The job is cancelled.")
    assert console.http.send("GET", f"/api/jobs/{cancelled}").json["result"]["state"] == "cancelled"


def test_without_scripts_a_form_sends_a_log_and_changes_a_setting(console, visit):
    page = visit(java_script_enabled=False).page()
    page.goto(f"/apps/{console.app}/logs")
    page.get_by_label("Drop crash logs here").set_input_files([{**LOG, "name": "by form.json"}])
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("1 sent.")).to_be_visible()

    page.goto(f"/apps/{console.app}/settings/retention")
    page.get_by_label("Results, in days").fill("30")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Saved.")).to_be_visible()
    settings = console.http.send("GET", f"/api/apps/{console.app}/settings").json["result"]
    assert settings["keep_reports_days"] == 30


def test_rules_are_tried_and_what_is_wrong_is_told_beside_its_field(console, visit):
    made = visit()
    made.expected.append("status of 400")
    page = made.page()
    page.goto(f"/apps/{console.app}/settings/redaction")
    page.get_by_label("E-mail addresses").check()
    page.get_by_label("A text").fill("<b>grace@example.com</b>")

    page.get_by_role("button", name="Redact it").click()
    expect(page.get_by_label("Redacted")).to_have_text("<b>[email]</b>")

    page.get_by_label("Patterns of your own").fill("staff = (")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Patterns of your own")).to_have_attribute("aria-invalid", "true")
    assert console.http.send("GET", f"/api/apps/{console.app}/settings").json["result"]["redaction"] is None
