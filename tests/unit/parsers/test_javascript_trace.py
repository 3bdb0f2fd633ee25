"""Errors of JavaScript that hold others, and code that is none of JavaScript's."""

from app.crashes.title import title
from tests.printed import places, read

AGGREGATE = """\
AggregateError [E_ALL]: all failed
    at any (/app/any.js:3:9)
    at Module._compile (node:internal/modules/cjs/loader:1376:14) {
  code: 'E_ALL',
  [errors]: [
    Error: a
        at first (/app/any.js:3:29)
        at main (/app/any.js:9:1) {
      code: 'E_A',
      [cause]: TypeError: deep
          at deep (/app/deep.js:1:1)
    },
    RangeError: b
        at second (/app/any.js:4:45),
    RangeError: c
        at third (/app/any.js:5:45)
  ]
}
"""


def test_the_members_of_an_aggregate_error_are_its_causes():
    report = read(AGGREGATE)

    assert [(each.type, each.message, each.parent) for each in report.faults] == [
        ("AggregateError", "all failed", None),
        ("Error", "a", 0),
        ("TypeError", "deep", 1),
        ("RangeError", "b", 0),
        ("RangeError", "c", 0),
    ]
    assert places(report.faults[3].frames) == [("second", "/app/any.js", 4)]


def test_a_cause_behind_many_properties_is_a_cause():
    properties = "".join(f"  property{number}: 1,\n" for number in range(9))

    report = read(f"Error: a\n    at f (/a.js:1:1) {{\n{properties}  [cause]: Error: b\n      at g (/b.js:1:1)\n}}\n")

    assert [each.parent for each in report.faults] == [None, 0]


def test_frames_of_web_assembly_have_their_function():
    report = read(
        "RuntimeError: unreachable\n    at shop.wasm.pay (wasm://wasm/shop.wasm-0012:wasm-function[12]:0x1a2b)\n"
        "    at https://example.com/shop.wasm:wasm-function[13]:0x1a2c\n    at run (https://example.com/app.js:7:12)\n"
    )

    assert (report.faults[0].message, title(report)) == ("unreachable", "RuntimeError: unreachable in pay")
    assert [frame.note for frame in report.faults[0].frames[:2]] == [
        "wasm-function[12]:0x1a2b",
        "wasm-function[13]:0x1a2c",
    ]


def test_the_components_of_react_are_none_of_the_message():
    report = read(
        "TypeError: no price\n\nThis error is located at:\n    in Cart (at App.js:12)\n    in App, js engine: hermes, stack:\n"
        "pay@1:2345\nonPress@1:9876\n"
    )

    assert report.faults[0].message == "no price"
    assert report.notes == ("React components: in Cart (at App.js:12), in App",)


def test_an_error_behind_the_words_of_a_log_has_its_type_and_message():
    report = read("10:00 ERROR Unhandled promise rejection TypeError: no cart\n    at Cart.pay (/app/cart.js:7:12)\n")

    assert (report.faults[0].type, report.faults[0].message, report.faults[0].handled) == (
        "TypeError",
        "no cart",
        False,
    )


def test_an_aggregate_without_a_message_is_a_cause():
    report = read(
        "Error: a\n    at f (/a.js:1:1) {\n  [cause]: AggregateError [ECONNREFUSED]: \n      at g (node:net:1:1) {\n"
        "    [errors]: [\n      Error: b\n          at h (/b.js:1:1)\n    ]\n  }\n}\n"
    )

    assert [(each.type, each.parent) for each in report.faults] == [
        ("Error", None),
        ("AggregateError", 0),
        ("Error", 1),
    ]
