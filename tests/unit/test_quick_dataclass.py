"""Values that parsers make by the thousand."""

import dataclasses

from app.crashes.log import Frame


def test_a_frame_is_made_without_a_call_for_each_of_its_fields():
    assert Frame.__setattr__ is object.__setattr__


def test_frames_are_alike_by_their_fields_and_can_be_kept_in_sets():
    one, other = Frame(function="pay", line=7), Frame(function="pay", line=8)

    assert {one, dataclasses.replace(other, line=7)} == {one}
    assert one != other
