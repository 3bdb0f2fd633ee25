"""The list of a user's apps, with what happened in each today."""

import re

from app.db.queries import apps_today
from tests.console import Page, sign_in
from tests.factories import kscrash
from tests.uploads import digested

TODAY, YESTERDAY = 1536831773, 1536745373
SENT = ((TODAY, "-[Cart pay]"), (TODAY + 1, "-[Cart pay]"), (TODAY, "-[Page open]"), (YESTERDAY, "-[Page open]"))


def figures(client) -> str:
    page = Page(client.get("/apps").text.partition('<ul class="tiles">')[2].partition("</ul>")[0])
    return re.sub(r"\s+", " ", page.text)


def test_an_app_shows_its_crashes_and_occurrences_of_today(client, member, run_workers):
    sign_in(client, member)
    before = figures(client)
    for number, (second, frame) in enumerate(SENT):
        digested(client, member, run_workers, kscrash(frame=frame), f"2544355787-{second}-logs-{number:05d}")

    after = figures(client)

    assert "no crash yet" in before
    assert "1 new today3 occurrences today" in after
    assert "last crash" in after


def test_figures_that_were_cut_are_a_lower_bound(client, member, run_workers, monkeypatch):
    sign_in(client, member)
    digested(client, member, run_workers)
    monkeypatch.setattr(apps_today, "MOST_CRASHES", 1)

    assert "≥ 1 new today" in figures(client)
