"""Reading protobuf by field numbers: every kind of field, and what is damaged, cut, deep or too much."""

import pytest

from app.parsers.protobuf_wire import MAX_DEPTH, ProtobufMessage, Wire
from tests.tombstone_proto import field


def test_each_kind_of_field_is_read_by_its_number():
    raw = b"\x08\x96\x01" + b"\x11" + (7).to_bytes(8, "little") + b"\x1a\x02ab" + b"\x25" + (9).to_bytes(4, "little")

    message = ProtobufMessage(raw)

    assert (message.integer(1), message.integer(2), message.text(3), message.integer(4)) == (150, 7, "ab", 9)
    assert message.wire.damage is None


def test_what_is_not_there_is_the_default_of_proto3():
    message = ProtobufMessage(b"")

    assert (message.integer(1), message.text(1), message.texts(1), message.message(1)) == (0, None, [], None)


def test_a_negative_number_is_ten_bytes_and_read_signed():
    message = ProtobufMessage(field(3, -6))

    assert (message.signed(3), message.integer(3)) == (-6, 2**64 - 6)


def test_a_field_of_another_kind_than_asked_for_is_not_there():
    message = ProtobufMessage(field(1, 5) + field(2, "text"))

    assert (message.text(1), message.integer(2), list(message.messages(1))) == (None, 0, [])


@pytest.mark.parametrize(
    ("tail", "damage"),
    [
        (b"\x12\x05ab", "cut short"),
        (b"\x12", "cut short"),
        (b"\x11\0\0", "cut short"),
        (b"\x80", "cut short"),
        (b"\x0b", "damaged"),
        (b"\x00\x01", "damaged"),
        (b"\xff" * 11, "damaged"),
        (b"\x12" + b"\xff" * 9 + b"\x01", "cut short"),
    ],
)
def test_the_fields_before_damage_are_kept_and_it_is_told(tail, damage):
    message = ProtobufMessage(field(1, 5) + tail)

    assert message.integer(1) == 5
    assert damage in (message.wire.damage or "")


def test_damage_inside_a_message_is_told_of_the_whole():
    message = ProtobufMessage(field(1, field(2, 3) + b"\x0b"))

    inner = message.message(1)

    assert inner is not None
    assert inner.integer(2) == 3
    assert message.wire.damage == "it is damaged"


def test_no_more_fields_are_read_than_allowed_inner_ones_included():
    message = ProtobufMessage(field(1, field(2, 3) * 10), Wire(max_fields=4))

    inner = message.message(1)

    assert inner is not None
    assert message.wire.left == 0
    assert message.wire.damage == "it holds too many fields"


def test_messages_are_followed_to_a_bounded_depth():
    raw = b""
    for _ in range(MAX_DEPTH + 5):
        raw = field(1, raw or b"\x10\x01")
    message, depth = ProtobufMessage(raw), 0

    while (inner := message.message(1)) is not None:
        message, depth = inner, depth + 1

    assert depth == MAX_DEPTH
    assert "nested deeper" in (message.wire.damage or "")
