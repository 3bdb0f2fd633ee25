"""One crash, one group: what must not split a group, beside what must."""

from dataclasses import replace

import pytest

from app.crashes.fingerprint import MAX_FRAMES, VERSION, crash_identifier, fingerprint
from app.crashes.log import CrashLog, Fault, Frame
from tests.stacks import crash, java, own, value


def test_a_fingerprint_tells_its_version_rule_and_parts():
    log = crash(Frame("objc_retain", image="libobjc.A.dylib"), own("-[Cart pay]"), own("-[Shop tap]"), type="NSError")

    made = fingerprint(log)

    assert len(made.value) == 32
    assert set(made.value) <= set("0123456789abcdef")
    assert (made.version, made.rule) == (VERSION, "in-app frames")
    assert made.parts == ("type: NSError", "frame: -[Cart pay]", "frame: -[Shop tap]")


def test_addresses_lines_and_offsets_do_not_count():
    first = crash(own("pay", address=4096, image_address=1, line=3, column=1, offset=8, file="/a/b.c"))
    second = crash(own("pay", address=8192, image_address=5, line=9, column=7, offset=4, file="/z/b.c"))

    assert value(first) == value(second)


def test_another_function_type_or_order_is_another_crash():
    log = crash(own("pay"), own("tap"))

    assert len({value(log), value(crash(own("buy"), own("tap"))), value(crash(own("tap"), own("pay")))}) == 3
    assert value(log) != value(crash(own("pay"), own("tap"), type="Other"))


def test_messages_and_system_frames_do_not_count_where_the_app_has_frames():
    first = crash(Frame("objc_retain", image="libobjc.A.dylib"), own("pay"), message="at 0x1")
    second = crash(Frame("objc_release", image="libobjc.A.dylib"), own("pay"), message="at 0x2")

    assert value(first) == value(second)


def test_the_depth_of_a_recursion_does_not_count():
    walk = [own("visit"), own("walk")]

    assert value(crash(own("pay"), *walk * 2, own("tap"))) == value(crash(own("pay"), *walk * 7, own("tap")))
    assert value(crash(own("pay"), *walk * 2, own("tap"))) != value(crash(own("pay"), own("visit"), own("tap")))


def test_frames_beyond_the_first_eight_names_do_not_count():
    stack = [own(f"step_{letter}") for letter in "abcdefghij"]

    assert value(crash(*stack)) == value(crash(*stack[:MAX_FRAMES], own("elsewhere")))
    assert value(crash(*stack)) != value(crash(*stack[: MAX_FRAMES - 1], own("elsewhere")))


def test_where_in_its_circle_a_stack_overflow_ended_does_not_count():
    circle = [own("visit"), own("walk"), own("step")]
    first = crash(*circle * 100, type="EXC_BAD_ACCESS")
    second = crash(own("helper"), *circle[1:], *circle * 80, own("other_start"), type="EXC_BAD_ACCESS")

    assert fingerprint(first).rule == "runaway recursion"
    assert value(first) == value(second)
    assert value(first) != value(crash(*[own("visit"), own("run")] * 100, type="EXC_BAD_ACCESS"))


def test_a_deep_stack_under_another_type_is_no_stack_overflow():
    log = crash(own("fail"), *[own("walk")] * 50, type="NSRangeException")

    assert fingerprint(log).parts == ("type: NSRangeException", "frame: fail", "frame: walk")


@pytest.mark.parametrize(("first", "second"), [("EXC_BAD_ACCESS", "SIGSEGV"), ("EXC_CRASH (SIGABRT)", "SIGABRT")])
def test_a_mach_exception_and_its_signal_are_one_type(first, second):
    assert value(crash(own("pay"), type=first)) == value(crash(own("pay"), type=second))
    assert value(crash(own("pay"), type=first)) != value(crash(own("pay"), type="SIGFPE"))


def test_the_root_cause_decides_and_wrappers_only_lend_their_type():
    def chained(place: str, cause: str = "java.io.IOException", wrapped_in: str = "a.Run#run") -> CrashLog:
        outer = Fault("java.lang.RuntimeException", frames=(java(wrapped_in),))
        inner = Fault(cause, frames=(java("java.io.File#open"), java(place)), relation="cause", parent=0)
        return CrashLog("test", "java", faults=(outer, inner))

    log = chained("a.Cart#load")

    assert fingerprint(log).parts == (
        "type: java.lang.RuntimeException",
        "root cause: java.io.IOException",
        "frame: a.Cart.load",
    )
    assert value(log) == value(chained("a.Cart#load", wrapped_in="a.Other#run"))
    assert value(log) != value(chained("a.Cart#save"))
    assert value(log) != value(chained("a.Cart#load", cause="java.sql.SQLException"))


def test_a_cause_without_own_frames_leaves_the_word_to_what_it_caused():
    outer = Fault("java.lang.RuntimeException", frames=(java("a.Cart#load"),))
    inner = Fault("java.io.IOException", frames=(java("java.io.File#open"),), relation="cause", parent=0)

    parts = fingerprint(CrashLog("test", "java", faults=(outer, inner))).parts

    assert parts[-1] == "frame: a.Cart.load"


def test_suppressed_exceptions_do_not_count():
    log = CrashLog("test", "java", faults=(Fault("E", frames=(java("a.Cart#load"),)),))
    suppressed = Fault("F", frames=(java("a.Cart#close"),), relation="suppressed", parent=0)

    assert value(log) == value(replace(log, faults=(*log.faults, suppressed)))


def test_only_what_lies_below_a_signal_handler_counts():
    handled = crash(own("on_signal"), Frame("_sigtramp", image="libsystem_platform.dylib"), own("pay"), type="SIGSEGV")

    assert value(handled) == value(crash(own("pay"), type="SIGSEGV"))
    assert value(handled) != value(crash(own("on_signal"), type="SIGSEGV"))


def test_without_own_frames_the_first_system_frames_decide_past_throwing_and_aborting():
    thrown = crash(
        Frame("__exceptionPreprocess", image="CoreFoundation"),
        Frame("objc_exception_throw", image="libobjc.A.dylib"),
        Frame("-[UITableView reload]", image="UIKitCore"),
    )

    made = fingerprint(thrown)

    assert (made.rule, made.parts) == ("system frames", ("type: Error", "system frame: -[UITableView reload]"))


def test_entry_points_are_no_frames_of_the_app():
    first = crash(Frame("objc_retain", image="libobjc.A.dylib"), own("main"))
    second = crash(Frame("strlen", image="libsystem_c.dylib"), own("main"))

    assert value(first) != value(second)
    assert fingerprint(crash(own("main"))).parts == ("type: Error", "system frame: main")


def test_library_templates_count_only_where_the_app_has_no_other_names():
    optimised = crash(own("Cart::pay(int)"), own("std::__1::function<void ()>::operator()()"))
    unoptimised = crash(own("std::__1::vector<int>::at(unsigned long)"), own("Cart::pay(int)"))

    assert value(optimised) == value(unoptimised)
    assert value(crash(own("std::map<int, int>::~map()"))) != value(crash(own("std::set<int>::~set()")))


def test_the_senders_hint_decides_and_may_refer_to_the_default():
    log = crash(own("pay"), message="at 0x1")
    hinted = replace(log, grouping_hint=("checkout",))
    extended = replace(log, grouping_hint=("{{ default }}", "checkout"))

    assert fingerprint(hinted).parts == ("hint: checkout",)
    assert value(hinted) == value(replace(crash(own("tap")), grouping_hint=("checkout",)))
    assert fingerprint(extended).parts == ("type: Error", "frame: pay", "hint: checkout")
    assert value(replace(log, grouping_hint=("{{ default }}",))) == value(log)
    assert fingerprint(replace(log, grouping_hint=("{{ type }}", "{{function}}"))).parts == ("hint: Error", "hint: pay")


def test_parts_cannot_run_into_each_other():
    assert value(crash(own("a"), own("b"))) != value(crash(own('a", "frame: b')))


def test_identifiers_depend_on_app_and_fingerprint_only():
    made = fingerprint(crash(own("pay")))
    identifier = crash_identifier("shop", made)

    assert len(identifier) == 24
    assert set(identifier) <= set("0123456789abcdef")
    assert identifier == crash_identifier("shop", fingerprint(crash(own("pay", line=4))))
    assert identifier != crash_identifier("other", made)
    assert identifier != crash_identifier("shop", replace(made, version=VERSION + 1))


def test_the_hash_of_version_3_never_changes():
    made = fingerprint(crash(own("-[Cart pay]"), type="NSError"))

    assert made.value == "f26cbcc6f81289d31165c095d9eba73c"
    assert crash_identifier("shop", made) == "cd62d5228f30c8831c745202"


@pytest.mark.parametrize(
    "above",
    [
        ("strlen", "__strlen_chk"),
        ("__interceptor_strcpy",),
        ("___interceptor_memcpy", "__memcpy_chk"),
        ("free",),
        ("operator delete(void*)",),
        ("__asan::ReportGenericError(unsigned long, unsigned long)", "__asan_memmove"),
        ("__hwasan_memset",),
    ],
)
def test_a_sanitizers_report_is_of_who_called_what_was_checked(above):
    frames = [Frame(name) for name in (*above, "shop::Cart::name()", "strlen", "shop::tap()")]
    log = crash(*frames, type="AddressSanitizer: heap-use-after-free", platform="native")

    parts = fingerprint(log).parts

    assert parts[1:] == ("frame: shop::Cart::name", "frame: strlen", "frame: shop::tap")


def test_functions_that_only_begin_like_a_checked_one_are_the_apps_own():
    for name, told in (("strlen_of_cart", "strlen_of_cart"), ("wrap_text", "wrap_text"), ("send(int)", "send")):
        log = crash(Frame(name), Frame("tap"), type="AddressSanitizer: SEGV", platform="native")

        assert fingerprint(log).parts[1] == f"frame: {told}"


def test_checked_functions_count_where_no_sanitizer_reports():
    log = crash(Frame("strlen"), Frame("tap"), type="SIGSEGV", platform="native")

    assert fingerprint(log).parts[1:] == ("frame: strlen", "frame: tap")
