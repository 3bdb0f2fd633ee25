"""The tail of the log in a tombstone, as breadcrumbs."""

from app.parsers import parse, recognise
from app.parsers.document import Document
from app.parsers.protobuf_wire import ProtobufMessage
from app.parsers.tombstone_log import MAX_LINES, of_proto, of_text
from tests.tombstone_proto import field, tombstone

TEXT = """Timestamp: 2024-03-05 18:20:11.406372816+0100
pid: 71, tid: 72, name: worker  >>> com.example.tills <<<
signal 6 (SIGABRT), code -1 (SI_QUEUE), fault addr --------
backtrace:
      #00 pc 0000000000012d48  /data/app/libtills.so (tills::pay(int)+8)
--------- tail end of log main
03-05 18:20:10.100    71    72 I Till    : paid: 3
03-05 18:20:11.200    71    72 E Till    : no paper
--------- tail end of log system
03-05 18:20:10.500    71    71 W System  : low

open files:
    fd 0: /dev/null (unowned)
"""


def test_lines_of_all_buffers_are_in_their_order_with_year_and_zone():
    [log] = parse(TEXT.encode())

    assert [(crumb.category, crumb.level, crumb.message, str(crumb.time)) for crumb in log.breadcrumbs] == [
        ("Till", "info", "paid: 3", "2024-03-05 17:20:10.100000+00:00"),
        ("System", "warning", "low", "2024-03-05 17:20:10.500000+00:00"),
        ("Till", "error", "no paper", "2024-03-05 17:20:11.200000+00:00"),
    ]


def test_protobuf_has_them_too():
    line = field(1, "03-05 18:20:11.200") + field(2, 71) + field(4, 6) + field(5, "Till") + field(6, "no paper")
    raw = tombstone() + field(18, field(1, "main") + field(2, line))

    [*_, last] = of_proto(ProtobufMessage(raw))

    assert (last.category, last.level, last.message, str(last.time)) == (
        "Till", "error", "no paper", "2024-03-05 17:20:11.200000+00:00")  # fmt: skip


def test_only_the_last_lines_are_kept_and_none_where_only_the_crash_is_wanted():
    many = [f"03-05 18:20:{number // 100:02}.{number % 100:02}0  71  72 I T: {number}" for number in range(300)]

    crumbs = of_text(["--------- log main", *many])

    assert [crumb.message for crumb in crumbs] == [str(number) for number in range(300 - MAX_LINES, 300)]
    [brief] = parse_brief(TEXT)
    assert brief.breadcrumbs == ()


def parse_brief(text):
    document = Document(text.encode(), brief=True)
    return recognise(document).parse(document)
