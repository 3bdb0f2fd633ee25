"""Errors of Dart and Flutter in forms that name the error or its stack otherwise."""

import pytest

from app.parsers import stack_trace
from app.parsers.document import Document
from tests.printed import places, read


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("_TypeError was thrown building CartPage(dirty, state: _CartPageState#1a2b3)", "TypeError"),
        ("StateError was thrown while handling a gesture", "StateError"),
        ("_CartProblem object was thrown during layout", "_CartProblem"),
    ],
)
def test_flutter_names_the_error_whatever_it_was_building(said, kind):
    report = read(f"The following {said}:\nno price\n\n#0      Cart.pay (package:shop/cart.dart:7:5)\n")

    assert (report.faults[0].type, report.faults[0].message) == (kind, "no price")


TERSE = """\
Unhandled exception:
Exception: boom
package:shop/cart.dart 7:12    Cart.pay
===== asynchronous gap ===========================
package:shop/main.dart 3:5     main.<fn>
dart:async                     _Timer._runTimers
"""


def test_the_terse_form_of_package_stack_trace_is_read():
    report = read(TERSE)

    assert (report.faults[0].type, report.faults[0].message) == ("Exception", "boom")
    assert places(report.faults[0].frames) == [
        ("Cart.pay", "package:shop/cart.dart", 7),
        ("<asynchronous suspension>", None, None),
        ("main.<fn>", "package:shop/main.dart", 3),
        ("_Timer._runTimers", "dart:async", None),
    ]


def test_what_a_failed_test_expected_is_no_crash():
    text = "  Expected: <3>\n    Actual: <4>\n  package:test_api           expect\n  test/cart_test.dart 7:12   main.<fn>\n"

    assert not stack_trace.sniff(Document(text.encode()))
