"""Exception groups of Python: one crash, whose members are its causes."""

from app.parsers import parse
from tests.printed import read

GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 12, in <module>
  |     main()
  |     ~~~~^^
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/cart.py", line 5, in pay
    |     raise ValueError("one")
    | ValueError: one
    +---------------- 2 ----------------
    | TypeError: two
    +------------------------------------
"""
NESTED = """\
Traceback (most recent call last):
  File "/app/main.py", line 1, in <module>
OSError: first

The above exception was the direct cause of the following exception:

  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 9, in main
  | ExceptionGroup: outer (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/app/inner.py", line 3, in inner
    | ExceptionGroup: inner (1 sub-exception)
    +-+---------------- 1 ----------------
      | Traceback (most recent call last):
      |   File "/app/cart.py", line 5, in read
      | KeyError: 'x'
      |\x20
      | During handling of the above exception, another exception occurred:
      |\x20
      | Traceback (most recent call last):
      |   File "/app/cart.py", line 7, in pay
      | ValueError: one
      +------------------------------------
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/app/cart.py", line 8, in ship
    | TypeError: two
    +------------------------------------

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 11, in run
RuntimeError: all failed
"""


def test_the_members_of_a_group_are_its_causes():
    report = read(GROUP)

    assert [(each.type, each.message, each.parent, len(each.frames)) for each in report.faults] == [
        ("ExceptionGroup", "several (2 sub-exceptions)", None, 1),
        ("ValueError", "one", 0, 1),
        ("TypeError", "two", 0, 0),
    ]


def test_groups_within_groups_and_what_led_to_them_keep_their_places():
    report = read(NESTED)

    assert [(each.type, each.parent) for each in report.faults] == [
        ("RuntimeError", None),
        ("ExceptionGroup", 0),
        ("ExceptionGroup", 1),
        ("ValueError", 2),
        ("KeyError", 3),
        ("TypeError", 1),
        ("OSError", 1),
    ]


def test_a_second_group_is_a_second_crash():
    reports = parse((GROUP + "done\n" + GROUP.replace("several", "others").replace("pay", "ship")).encode())

    assert [report.faults[0].message for report in reports] == [
        "several (2 sub-exceptions)",
        "others (2 sub-exceptions)",
    ]
