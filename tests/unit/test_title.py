"""The one line that tells a crash."""

from dataclasses import replace

import pytest

from app.crashes.log import CrashLog, Fault, Frame, Thread
from app.crashes.title import MAX_LENGTH, title


def log(*frames: Frame, type: str | None = None, message: str | None = None, platform: str = "apple") -> CrashLog:
    thread = Thread(0, is_crashed=True, frames=frames)
    return CrashLog("test", platform, faults=(Fault(type, message),), threads=(thread,))


def test_a_title_tells_type_message_and_the_first_own_function():
    crash = log(
        Frame("__exceptionPreprocess", image="CoreFoundation"),
        Frame("-[UIView setBounds:]", image="UIKitCore"),
        Frame("-[ViewController tap:]", image="Shop"),
        type="NSInvalidArgumentException",
        message="-[Foo bar]: unrecognized selector",
    )

    assert title(crash) == "NSInvalidArgumentException: -[Foo bar]: unrecognized selector in -[ViewController tap:]"


def test_packages_of_type_and_class_are_left_out():
    frame = Frame("onCreate", module="com.shop.MainActivity")
    crash = log(frame, type="java.lang.IllegalStateException", message="closed", platform="java")

    assert title(crash) == "IllegalStateException: closed in MainActivity.onCreate"


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        ("example.com/shop/cart", "example.com/shop/cart.pay"),
        ("git.example.com/very/long/way/to/the/code/of/shop/cart", "cart.pay"),
        ("main", "main.pay"),
    ],
)
def test_a_module_that_is_a_path_is_not_cut_at_a_dot(module, shown):
    assert title(log(Frame("pay", module=module), type="panic", platform="go")) == f"panic in {shown}"


def test_a_type_that_only_looks_dotted_stays_whole():
    assert title(log(type="EXC_BAD_ACCESS / KERN_INVALID. ADDRESS")) == "EXC_BAD_ACCESS / KERN_INVALID. ADDRESS"


def test_without_own_functions_the_first_that_does_not_merely_abort_is_named():
    frames = (Frame("abort", image="libsystem_c.dylib"), Frame("objc_retain", image="libobjc.A.dylib"))
    crash = log(*frames, type="SIGABRT")

    assert title(crash) == "SIGABRT in objc_retain"


def test_the_image_is_named_where_no_function_is():
    assert title(log(Frame("<redacted>", image="Shop"), type="SIGSEGV")) == "SIGSEGV in Shop"


def test_a_place_that_the_message_names_is_not_repeated():
    crash = log(Frame("-[A b]", image="Shop"), type="EXC_BAD_ACCESS", message="Stack overflow in -[A b]")

    assert title(crash) == "EXC_BAD_ACCESS: Stack overflow in -[A b]"


@pytest.mark.parametrize("message", ["payment failed", "cannot pay", "'pay'"])
def test_a_word_of_the_message_that_is_also_a_function_does_not_hide_it(message):
    crash = log(Frame("pay", image="Shop"), type="E", message=message)

    assert title(crash) == f"E: {message} in pay"
    assert title(log(Frame("pay", image="Shop"), type="E", message="stopped in pay")) == "E: stopped in pay"


def test_unknown_parts_are_left_out():
    assert title(log(message="only words")) == "only words"
    assert title(CrashLog("test")) == "Unknown crash"


def test_line_breaks_control_and_bidi_characters_do_not_reach_a_title():
    crash = log(type="Er\x00ror", message="one\r\ntwo\u2028three\x1b[31m\u202efour\tfive")

    assert title(crash) == "Error: one two three[31mfour five"


def test_a_title_is_at_most_200_characters_and_keeps_its_place():
    crash = log(Frame("f" * 500, image="Shop"), type="T" * 500, message="m " * 5_000)

    assert len(title(crash)) == MAX_LENGTH
    assert " in fff" in title(crash)


def test_a_message_that_begins_with_the_end_of_the_type_does_not_repeat_it():
    kind = "AddressSanitizer: heap-use-after-free"

    assert title(log(type=kind, message="heap-use-after-free on address 0x10")) == f"{kind} on address 0x10"
    assert title(log(type=kind, message="heap-use-after-free")) == kind
    assert title(log(type="KASAN: bad", message="badly read")) == "KASAN: bad: badly read"


def test_the_root_cause_titles_a_chain_with_the_first_own_frame_of_its_stack():
    outer = Fault("java.lang.RuntimeException", "Unable to start activity", (Frame("run", module="android.os.Looper"),))
    frames = (Frame("requireNonNull", module="java.util.Objects"), Frame("checkout", module="com.shop.Cart"))
    inner = Fault("java.lang.NullPointerException", "cart is null", frames, relation="cause", parent=0)

    assert (
        title(CrashLog("test", "java", faults=(outer, inner))) == "NullPointerException: cart is null in Cart.checkout"
    )


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("unrecognized selector sent to instance 0x7fbd4e51cc60", "unrecognized selector sent to instance"),
        ("unrecognized selector sent to instance 0x1", "unrecognized selector sent to instance"),
        ("use-after-free on address 0x6020 at pc 0x5501 bp 0x7ff0 sp 0x7ffc; READ of size 4", "use-after-free; READ of size 4"),
        ("SEGV on unknown address 0x74000011 (pc 0xa843fbf5 bp 0xa620e750 sp 0xa5dff7b0 T8)", "SEGV"),
        ("bad access in f2fs_write+0x208/0x390 at addr ffffffc002583240", "bad access in f2fs_write"),
        ("com.shop.Cart@1a2b3c4 closed", "com.shop.Cart closed"),
        ("Fragment TripList{2f1ab (1234)} not attached", "Fragment TripList not attached"),
        ("open failed: error 0x80070005", "open failed: error 0x80070005"),
        ("index 7 beyond bounds [0 .. 6]", "index 7 beyond bounds [0 .. 6]"),
        ("face of 12 decade", "face of 12 decade"),
        ("object (0x7fbd4e51cc60) is gone", "object is gone"),
        ("call to foo() of object #0x7fbd4e51cc60 <Cart: 0x7fbd4e51cc60>", "call to foo() of object <Cart>"),
        ("items [0x7fbd4e51cc60, 0x7fbd4e51cc70], self=0x7fbd4e51cc60", "items, self"),
        ("Check failed: n > 0. \n    #0 0x2f69cb8d in logging::LogMessage() /b/l.cc:5\n", "Check failed: n > 0."),
    ],
)  # fmt: skip
def test_titles_hold_no_addresses_and_no_stacks(message, shown):
    assert title(log(type="E", message=message)) == f"E: {shown}"


def test_a_message_that_only_repeats_the_type_is_left_out():
    assert title(log(type="0x40000015 / 0x1", message="Fatal Error: 0x40000015 / 0x1")) == "0x40000015 / 0x1"


def test_entry_points_and_far_names_title_nothing():
    frames = (Frame("mach_msg_trap", image="libsystem_kernel.dylib"), Frame("main", image="Shop"))

    assert title(log(*frames, type="SIGSEGV")) == "SIGSEGV in mach_msg_trap"
    assert title(log(Frame("what", image="Shop", offset=2_232), type="SIGSEGV")) == "SIGSEGV in Shop"


def test_the_process_is_named_where_there_is_no_stack():
    assert title(CrashLog("test", "apple", process="Shop", faults=(Fault("Termination"),))) == "Termination in Shop"


def test_a_bridge_is_told_by_the_class_that_it_was_made_for():
    crash = log(Frame("run", module="com.shop.Cart$$ExternalSyntheticLambda3"), type="E", platform="java")

    assert title(crash) == "E in Cart"


def test_code_without_a_name_above_the_first_name_is_told_by_its_file_or_image():
    script = (Frame("<anonymous>", file="/js/tickets.8c1f0a2e.js"), Frame("dispatch", file="/js/runtime.js"))
    library = (Frame(image="libgame.so"), Frame("Java_com_shop_draw", image="libshop.so"))

    assert title(log(*script, type="E", platform="javascript")) == "E in tickets.js, from dispatch"
    assert title(log(*library, type="E", platform="native")) == "E in libgame.so, from Java_com_shop_draw"
    assert title(log(Frame(image="Shop"), Frame("-[A b]", image="Shop"), type="E")) == "E in -[A b]"


def test_a_place_that_a_kernels_message_tells_is_not_told_again():
    crash = log(Frame("match_id"), type="KASAN: use-after-free", message="use-after-free in match", platform="native")

    assert (
        title(replace(crash, faults=(replace(crash.faults[0], mechanism="kernel"),)))
        == "KASAN: use-after-free in match"
    )


def test_asynchronous_lambdas_of_csharp_are_told_by_the_method_that_holds_them():
    frame = Frame("MoveNext", module="Shop.App+<<Initialize>b__2_0>d")

    assert (
        title(log(frame, type="System.NullReferenceException", platform="csharp"))
        == "NullReferenceException in App.Initialize"
    )


@pytest.mark.parametrize(
    ("mangled", "read"),
    [
        ("P16kaboom_exception", "kaboom_exception*"),
        ("11MyException", "MyException"),
        ("N4shop9CartErrorE", "shop::CartError"),
        ("NSt3__112out_of_rangeE", "std::out_of_range"),
        ("PKc", "char const*"),
        ("10Cart", "10Cart"),
        ("NSRangeException", "NSRangeException"),
        ("P", "P"),
        ("i", "i"),
    ],
)
def test_types_of_cpp_are_read(mangled, read):
    assert title(log(type=mangled)) == read


def test_a_log_that_tells_nothing_is_told_by_its_program_or_platform():
    assert title(CrashLog("test", "native", process="shopd")) == "Unknown crash in shopd"
    assert title(CrashLog("test", "java")) == "Unknown crash (java)"
