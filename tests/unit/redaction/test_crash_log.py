"""A crash report with what its app's rules take out taken out."""

from dataclasses import replace

from app.crashes.facts import Facts
from app.crashes.fingerprint import Fingerprint
from app.crashes.log import (
    AppInfo,
    BinaryImage,
    Breadcrumb,
    CrashLog,
    DeviceInfo,
    Fault,
    Frame,
    RelatedStack,
    SourceLines,
    Thread,
)
from app.redaction.crash_log import redact, redact_facts, redact_fingerprint
from app.redaction.rules import read_rules

WHO = "ada@example.com"
EMAIL = read_rules({"patterns": ["email"]})
LOG = CrashLog(
    format="sentry-event",
    report_id=WHO,
    process=WHO,
    user_id=WHO,
    faults=(Fault(type=f"T {WHO}", message=f"no mail for {WHO}", frames=(Frame(function=WHO, file=f"/home/{WHO}/a.c"),)),),
    threads=(Thread(index=0, name=WHO, queue=WHO, frames=(
        Frame(function="main", source=SourceLines("a", (WHO,), ("b", WHO)), variables=((WHO, WHO),)), Frame(note=WHO))),),
    stacks=(RelatedStack("allocation", WHO, (Frame(file=WHO),)),),
    details={"parent_process": WHO, "foreground": True},
    images=(BinaryImage(name="Notes", path=f"/Users/{WHO}/Notes"),),
    app=AppInfo(identifier="com.example.notes", name=WHO, version="1.2"),
    device=DeviceInfo(model="iPhone9,4", install_id=WHO),
    grouping_hint=(WHO,),
    custom={"user": {"email": WHO, "age": 36}, "list": [WHO, 4111111111111111, True, None], WHO: "key"},
    breadcrumbs=(Breadcrumb(message=WHO, category=WHO, data={"token": "abc", "url": f"https://x/?{WHO}"}),
                 Breadcrumb(data={"token": 7})),
    notes=(WHO,),
)  # fmt: skip


def test_a_pattern_reaches_every_text():
    assert WHO in repr(LOG)

    assert WHO not in repr(redact(LOG, EMAIL))


def test_lines_of_source_are_left_out_where_a_pattern_spans_some_of_them():
    key = ("-----BEGIN PRIVATE KEY-----", "MIIB", "-----END PRIVATE KEY-----")
    log = replace(LOG, faults=(Fault(frames=(Frame(source=SourceLines("open(key)", key)),)),))

    [frame] = redact(log, read_rules({"patterns": ["token"]})).faults[0].frames

    assert frame.source == SourceLines("[redacted]")


def test_without_rules_the_report_is_the_same_object():
    assert redact(LOG, read_rules(None)) is LOG


def test_what_nothing_is_found_in_is_not_copied():
    plain = replace(LOG, faults=(Fault(type="T", frames=(Frame(function="f"),)),), threads=(Thread(index=0),))

    done = redact(plain, EMAIL)

    assert done.faults[0] is plain.faults[0]
    assert done.threads[0] is plain.threads[0]


def test_a_number_is_redacted_as_its_digits_are():
    done = redact(LOG, read_rules({"patterns": ["card"]}))

    assert done.custom["list"] == [WHO, "[card]", True, None]


def test_fields_are_named_as_in_the_report_and_those_it_does_not_have_are_sought_in_custom():
    rules = read_rules({
        "fields": ["user.email", "breadcrumbs[*].data.token", "exceptions[*].message", "occurrence.user_id",
                   "device.install_id", "threads[*].name", "notes[*]", "custom.list[*]", "process.name"]
    })  # fmt: skip

    done = redact(LOG, rules)

    assert done.custom["user"] == {"email": "[redacted]", "age": 36}
    assert done.custom["list"] == ["[redacted]", "[redacted]", "[redacted]", None]
    assert [crumb.data["token"] for crumb in done.breadcrumbs] == ["[redacted]", "[redacted]"]
    assert (done.user_id, done.device.install_id, done.process) == ("[redacted]",) * 3
    assert (done.faults[0].message, done.threads[0].name, done.notes) == ("[redacted]", "[redacted]", ("[redacted]",))
    assert done.faults[0].type == f"T {WHO}"


def test_a_field_that_is_not_there_is_not_invented():
    empty = CrashLog(format="x", custom={"user": "ada"})

    assert redact(empty, read_rules({"fields": ["user_id", "user.email", "a.b[*].c"]})) == empty


def test_rows_and_fingerprints_keep_to_the_same_rules():
    facts = Facts(app_version="1.2", device_model=WHO, user_id=WHO)
    made_of = Fingerprint("0" * 32, 1, (WHO, "main"), "frames")

    assert redact_facts(facts, EMAIL) == Facts(app_version="1.2", device_model="[email]", user_id="[email]")
    assert redact_facts(facts, read_rules({"fields": ["user_id"]})).user_id == "[redacted]"
    assert redact_fingerprint(made_of, EMAIL).parts == ("[email]", "main")
    assert redact_fingerprint(made_of, EMAIL).value == made_of.value
