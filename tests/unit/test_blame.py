"""Who is to blame: reporters, raise, abort and assert machinery go, whatever the sender says; names must be known."""

import pytest

from app.crashes.blame import FAR, Blame
from app.crashes.fingerprint import fingerprint
from app.crashes.in_app import is_in_app
from app.crashes.log import CrashLog, Fault, Frame, Thread
from app.crashes.title import title
from app.parsers import parse
from tests.sentry_events import sentry_event
from tests.stacks import crash, own, value

LIBC = "libsystem_c.dylib"
UCRT = "ucrtbase.dll"
HANDLER = "crashpad::`anonymous namespace'::HandleAbortSignal"


def culprit(*frames: Frame, type: str = "SIGABRT", platform: str = "native") -> str:
    """The function that titles the crash, where the app's own one is `pay`."""
    return title(crash(*frames, own("pay"), own("tap"), type=type, platform=platform)).partition(" in ")[2]


def told(*names: str | None, image: str | None = "Shop", **more: object) -> list[Frame]:
    return [Frame(name, image=image, **more) for name in names]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "above",
    [
        [HANDLER, "raise", "abort"],
        ["google_breakpad::ExceptionHandler::SignalHandler(int, siginfo*, void*)", "raise", "abort"],
        ["sentry__handle_signal", "my_terminate", "std::terminate()"],
        ["ksmachexc_handler", "kscm_handleException", "objc_exception_throw"],
        ["-[KSCrashInstallation reportException:]", "+[KSCrash sharedInstance]"],
        ["tgkill", "pthread_kill", "raise", "__libc_android_abort", "abort"],
        ["abort", "base::debug::BreakDebugger()", "logging::LogMessage::~LogMessage()"],
        ["abort", "__android_log_assert"],
        ["DebugBreak", "logging::CheckError::~CheckError()"],
        ["abort", "shop::AssertFailed(char const*, int)"],
        ["abort", "die(char const*)"],
        ["__assert_rtn"],
        ["abort", "google::LogMessage::Fail()", "google::LogMessage::SendToLog()", "google::LogMessageFatal::~LogMessageFatal()"],
        ["rust_panic", "std::panicking::rust_panic_with_hook", "core::panicking::panic_fmt", "core::option::unwrap_failed"],
        ["sentry_panic::panic_handler", "std::panicking::rust_panic_with_hook", "core::panicking::panic"],
        ["_assertionFailure(_:_:file:line:flags:)"],
        ["dump_backtrace", "show_stack", "dump_stack_lvl", "dump_stack", "panic"],
        ["__kasan_report", "kasan_report", "__asan_load4"],
        ["RaiseException", "_CxxThrowException"],
        ["_invoke_watson", "_invalid_parameter"],
        ["on_signal", "_sigtramp"],
        ["core::ptr::write_volatile"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_app", [None, True])
def test_what_stands_on_top_because_something_went_wrong_below_is_not_to_blame(above, in_app):
    assert culprit(*told(*above, in_app=in_app)) == "pay"


def test_everything_above_abort_goes_whatever_it_is():
    handled = told("shop::OnAbort(int)", "shop::Report()", in_app=True)

    assert culprit(*handled, *told("abort", image=LIBC)) == "pay"
    assert culprit(*handled) == "shop::OnAbort(int)"


@pytest.mark.parametrize(
    "name", ["killSwitch", "raise_price", "abortCheckout()", "panic_button", "kill(Target&)", "terminated"]
)
def test_functions_that_only_begin_like_a_raising_one_are_to_blame(name):
    assert culprit(own(name), type="SIGSEGV") == name


def test_an_assert_of_the_apps_own_goes_only_below_something_that_raises():
    assert culprit(own("shop::AssertFailed()"), type="SIGSEGV") == "shop::AssertFailed()"


def test_an_abort_called_by_the_runtime_is_not_one_called_by_the_app():
    def aborted(*between: Frame) -> CrashLog:
        on_top = [*told(HANDLER, in_app=True), *told("raise", "abort", image=UCRT), *between]
        return crash(*on_top, Frame(image="shop.exe", in_app=True), type="0x40000015", platform="native")

    pure = aborted(*told("_purecall", image="VCRUNTIME140.dll"))

    assert value(pure) != value(aborted())
    assert "raised by: _purecall" in fingerprint(pure).parts
    assert [title(aborted()), title(pure)] == ["0x40000015 in shop.exe", "0x40000015 in _purecall, from shop.exe"]


@pytest.mark.parametrize("said", [None, True])
def test_reporters_are_never_the_apps_own(said):
    log = crash(own("pay"))

    assert not is_in_app(Frame("-[SentryCrashReport write]", image="Shop", in_app=said), log)
    assert not is_in_app(Frame("bsg_handle_signal", image="libshop.so", in_app=said), log)


def test_a_frame_of_which_nothing_is_known_is_not_the_apps_own():
    log = crash(own("-[Cart pay]"), own("main"))

    assert not is_in_app(Frame(address=819), log)
    assert not is_in_app(Frame("<redacted>", address=819), log)
    assert not is_in_app(Frame(image="???", address=819), log)
    assert is_in_app(Frame("pay"), log)
    assert is_in_app(Frame("stripped_application_code"), log)
    assert value(log) == value(crash(own("-[Cart pay]"), own("main"), Frame(address=819)))


def test_an_unnamed_frame_counts_above_the_first_name_only():
    below = crash(own("pay"), own(None, image="libgame.so"), own("tap"))

    assert fingerprint(below).parts == ("type: Error", "frame: pay", "frame: tap")
    assert value(crash(own(None, image="libgame.so"), own("pay"))) != value(crash(own("pay")))


def neighbour(function: str, offset: int | None = 0, image: str = LIBC) -> list[Frame]:
    """A stack of `abort` called by what a symbolicator names like this."""
    return [
        Frame("abort", image=LIBC, address=4_100, symbol_address=4_000, offset=100),
        Frame(function, image=image, address=5_000, symbol_address=5_000 - (offset or 0), offset=offset),
        own(None, address=9_000),
        Frame("-[UIViewController load]", image="UIKitCore", address=9_500, offset=956),
    ]


def test_the_name_of_a_caller_at_its_very_start_is_its_neighbours():
    first, second = (crash(*neighbour(name), type="SIGABRT") for name in ("basename_r", "err"))

    assert value(first) == value(second)
    assert title(first) == "SIGABRT in Shop, from -[UIViewController load]"


def test_where_no_offset_was_known_names_count():
    frames = [Frame("walk", image="Shop", offset=0), Frame("visit", image="Shop", offset=0)]

    assert fingerprint(crash(*frames)).parts[1:] == ("frame: walk", "frame: visit")


def test_the_crashed_function_itself_and_what_was_inlined_into_it_may_be_at_their_start():
    at_start = crash(own("pay", address=64, offset=0), own("tap", address=900, offset=8))
    inlined = crash(
        own("pay", address=64, offset=0, note="inlined"),
        own("buy", address=64, offset=0),
        own("tap", address=900, offset=8),
    )

    assert fingerprint(at_start).parts[1:] == ("frame: pay", "frame: tap")
    assert fingerprint(inlined).parts[1:] == ("frame: pay", "frame: buy", "frame: tap")


def test_a_name_that_is_far_away_does_not_stand_alone():
    def nearest(system: str, offset: int = FAR + 1) -> CrashLog:
        return crash(own("shop::what() const", offset=offset), Frame(system, image="UIKitCore"))

    assert value(nearest("-[UITimer fire]")) != value(nearest("-[UIControl send]"))
    assert value(nearest("-[UITimer fire]", FAR)) == value(nearest("-[UIControl send]", FAR))
    assert title(nearest("-[UITimer fire]")) == "Error in Shop, from -[UITimer fire]"


def test_a_library_template_alone_says_nothing_without_what_it_called():
    def called(image: str, *below: str) -> CrashLog:
        frames = [
            Frame("glDraw", image=image),
            own("boost::function0<T>::operator()"),
            *told("stripped_application_code", *below),
        ]
        return crash(*frames, platform="native")

    assert value(called("libGL.so.1")) != value(called("libEGL.so"))
    assert value(called("libGL.so.1", "std::_Tree<T>::insert<T>")) == value(called("libGL.so.1"))


def test_why_library_code_trapped_is_no_function():
    reason = "*/Xcode-{}.app/c++/v1/vector:1393: assertion __n < size() failed: vector[] index out of bounds\n"
    logs = [
        crash(own(reason.format(xcode), note="inlined"), own("std::vector<int>::operator[]"), own("shop::pay(int)"))
        for xcode in ("16.2.0", "16.4")
    ]

    assert value(logs[0]) == value(logs[1])
    assert title(logs[0]) == "Error in shop::pay(int)"


@pytest.mark.parametrize(
    "name",
    [
        "0x189622000 + 0x77354\t// Cart::pay(int) + 0x824", "Cart::pay+ 24056 (int)", "Cart::pay(int) + 12",
        "Cart::pay(int) (.cold)", "Cart::pay(int) [clone .constprop.0]", "Cart::pay.part.3", "Cart::pay.llvm.9876",
        "Cart::pay.isra.0.cold.1",
    ],
)  # fmt: skip
def test_offsets_and_parts_of_a_function_are_no_part_of_its_name(name):
    log = crash(own(name))

    assert fingerprint(log).parts[1:] == ("frame: Cart::pay",)
    assert title(log).removesuffix("(int)").rstrip() == "Error in Cart::pay"


def test_functions_that_have_such_a_word_in_their_name_keep_it():
    assert value(crash(own("Player.resume()"))) != value(crash(own("Player.pause()")))
    assert title(crash(own("Player.resume()"))) == "Error in Player.resume()"


@pytest.mark.parametrize("function", ["Object.?", "Object.<anonymous>", "?", "<anonymous>", "t", "n.e"])
def test_names_of_javascript_that_say_nothing_leave_the_message_to_tell(function):
    def thrown(message: str) -> CrashLog:
        frames = (
            Frame(function, module="cart", file="/app/cart.js"),
            Frame("Module._compile", file="node:internal/modules/cjs/loader"),
        )
        return CrashLog("test", "node", faults=(Fault("Error", message, frames),))

    assert value(thrown("a string")) != value(thrown("an object"))
    assert title(thrown("a string")) == "Error: a string in cart, from _compile"


def test_the_frames_of_a_cause_are_looked_through_too():
    outer = Fault("Outer", frames=(own("tap"),))
    inner = Fault("Inner", frames=(*told("abort", "die"), own("pay")), relation="cause", parent=0)
    log = CrashLog("test", "native", faults=(outer, inner), threads=(Thread(0, is_crashed=True, frames=outer.frames),))

    assert Blame(log).own[0].frame.function == "pay"


def test_what_has_an_error_reported_in_javascript_goes_with_all_above_it():
    frames = (Frame("fromException", file="/app/client.js"), Frame("hub.captureException", file="/app/hub.js"))
    thrown = CrashLog("test", "node", faults=(Fault("Error", "late", (*frames, Frame("plan", file="/app/trips.js"))),))

    assert title(thrown) == "Error: late in plan"


def test_a_logger_of_errors_goes_with_what_it_calls_where_something_was_raised():
    called = told(
        "abort", "google::DumpStack()", "google::LogMessage::Fail()", "google::LogMessageFatal::~LogMessageFatal()"
    )

    assert culprit(*called) == "pay"
    assert culprit(own("google::Map::at()"), own("google::LogMessage::Flush()"), type="SIGSEGV") == "google::Map::at()"


def test_a_handler_that_crashes_itself_is_to_blame():
    handler = told("onCrash", in_app=True) + told("bsg_kscrash_i_onCrash", image="Bugsnag") + told("std::terminate()")

    assert culprit(*handler, type="SIGSEGV") == "onCrash"
    assert culprit(*handler, type="SIGABRT") == "pay"


def test_a_handler_of_uncaught_exceptions_that_is_linked_into_the_app_is_not_to_blame():
    frames = [
        *told(None, image="libsystem_c.dylib"),
        *told("uncaught_exception_handler"),
        *told(None, image="libobjc.A.dylib"),
    ]

    assert culprit(*frames, type="NSRangeException", platform="apple") == "pay"


def test_an_unnamed_frame_of_a_reporter_is_no_part():
    above, below = Frame(image="libc.so.6"), Frame(image="libstart.so")
    between = Frame(image="crashpad", is_guess=True)

    assert value(crash(above, between, below)) == value(crash(above, below))


@pytest.mark.parametrize(
    ("platform", "file"),
    [
        ("javascript", "app:///node_modules/.pnpm/react-dom@18.2.0/node_modules/react-dom/index.js"),
        ("node", "/app/.yarn/__virtual__/express/lib/router.js"),
        ("python", "/app/.venv/lib/site-packages/flask/app.py"),
        ("go", "/app/vendor/example.com/lib/lib.go"),
        ("php", "vendor/laravel/framework/src/Application.php"),
    ],
)
def test_a_library_that_its_sender_calls_the_apps_is_not_to_blame_above_the_apps_own_source(platform, file):
    library = Frame("render", module="lib", file=file, in_app=True)
    pay = Frame("checkout", module="shop", file="src/cart", in_app=True)

    assert "render" in title(crash(library, type="Error", platform=platform))
    assert title(crash(library, pay, library, type="Error", platform=platform)).endswith("checkout")


def test_a_library_is_known_by_the_whole_path_of_a_file_that_a_sender_shortens():
    flask = {"function": "run", "filename": "flask/app.py", "abs_path": "/app/.venv/lib/site-packages/flask/app.py"}
    frames = [{"function": "pay", "filename": "shop/cart.py", "in_app": True}, {**flask, "in_app": True}]

    [log] = parse(sentry_event(None, platform="python", exception={"type": "E", "stacktrace": {"frames": frames}}))

    assert title(log).endswith("in pay")


def test_what_runs_futures_of_rust_is_not_to_blame_in_release_builds():
    names = ("tokio::runtime::task::raw::poll", "<futures_util::future::Map<Fut,F> as core::future::Future>::poll")

    assert culprit(*told(*names), type="SIGSEGV") == "pay"
