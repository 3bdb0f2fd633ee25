"""What a page shows of the details of a report, and of the stacks of its memory."""

from app.web.console.report_view import view_of
from tests.unit.console.test_report_view import frames, report


def test_details_have_labels_and_related_stacks_their_words():
    related = [{"kind": "deallocation", "description": "deallocated by thread 9", "frames": frames("-o")},
               {"kind": "allocation", "description": None, "frames": []}]  # fmt: skip

    told = view_of(report(details={"free_memory": 4096, "translated": True}, related_stacks=related))

    assert told.details == [("Free memory", "4.1 KB"), ("Translated", "yes")]
    assert [(words, len(stack.text)) for words, stack in told.related][1] == ("Allocation", 0)
    assert told.related[0][0] == "Deallocated by thread 9"


def test_state_and_tags_are_fields_and_notes_that_are_facts_stand_among_them():
    told = view_of(report(details={"environment": "staging", "url": "https://x/", "battery_percent": 83},
                          custom={"tags": {"plan": "gold", "cart": 3}, "environment": "staging", "extra": {"a": 1}},
                          notes=["Revision: 0", "The log has no backtrace of the crashed thread"]))  # fmt: skip

    assert told.environment == "staging"
    assert told.details == [("URL", "https://x/"), ("Battery", "83 %"), ("Revision", "0")]
    assert told.notes == ["The log has no backtrace of the crashed thread"]
    assert told.tags == [("cart", "3"), ("plan", "gold")]
    assert '"a": 1' in told.custom
    assert "gold" not in told.custom


def test_breadcrumbs_tell_the_time_before_the_crash_and_their_data_by_name():
    crumbs = [{"time": "2018-09-13T08:02:40.600Z", "category": "http", "level": "warning", "message": None,
               "data": {"url": "https://x/", "code": 503}},
              {"time": None, "category": None, "level": None, "message": "tap", "data": {"text": "x" * 300}}]  # fmt: skip

    told = view_of(report(breadcrumbs=crumbs, occurrence={"occurred_at": "2018-09-13T08:02:53Z"})).crumbs

    assert (told[1].before, told[1].clock) == ("-12.4 s", "2018-09-13 08:02:40.600 UTC")
    assert (told[1].kind, told[1].mood, told[1].is_folded) == ("warning http", "warn", False)
    assert told[1].data == [("code", "503"), ("url", "https://x/")]
    assert (told[0].before, told[0].is_folded) == ("", True)


def test_a_report_that_an_earlier_version_made_has_neither():
    told = view_of(report())

    assert (told.details, told.related) == ([], [])
