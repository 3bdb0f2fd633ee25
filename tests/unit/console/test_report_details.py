"""What a page shows of the details of a report, and of the stacks of its memory."""

from app.web.console.report_view import view_of
from tests.unit.console.test_report_view import frames, report


def test_details_have_labels_and_related_stacks_their_words():
    related = [{"kind": "deallocation", "description": "deallocated by thread 9", "frames": frames("-o")},
               {"kind": "allocation", "description": None, "frames": []}]  # fmt: skip

    told = view_of(report(details={"free_memory": 4096, "translated": True}, related_stacks=related))

    assert told.details == [("Free memory", "4096"), ("Translated", "yes")]
    assert [(words, len(stack.text)) for words, stack in told.related][1] == ("Allocation", 0)
    assert told.related[0][0] == "Deallocated by thread 9"


def test_a_report_that_an_earlier_version_made_has_neither():
    told = view_of(report())

    assert (told.details, told.related) == ([], [])
