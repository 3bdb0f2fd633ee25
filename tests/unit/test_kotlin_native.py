"""Crashes of Kotlin/Native, in Apple's reports and as it prints them."""

import pytest

from app.crashes import kotlin_native
from app.crashes.blame import Blame
from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog, Fault, Frame, Thread
from app.crashes.title import title
from app.parsers import parse

PRINTED = """\
It is considered unexpected and unhandled instead. Program will be terminated.
Uncaught Kotlin exception: kotlin.IllegalStateException: cart is null
for this user
    at 0   Shared      0x1072e119b        kfun:kotlin.Throwable#<init>(kotlin.String?){} + 99 
    at 1   Shared      0x107311ed3        kfun:kotlin.IllegalStateException#<init>(kotlin.String?){} + 95 
    at 2   Shared      0x10766f09b        kfun:com.example.Cart#pay(kotlin.Int){}kotlin.Boolean + 351 (/src/my cart/Cart.kt:12:9)
    at 3   UIKitCore   0x1d144a438        -[UIWindow _setHidden:forced:] + 271 
Caused by: kotlin.NumberFormatException: Invalid number format: 'x'
    at 0   Shared      0x1072e219b        kfun:com.example.Price.Companion#parse(kotlin.String){}com.example.Price + 99 
    ... and 5 more common stack frames skipped
"""  # noqa: W291  as it is printed
ABORTED = (
    "__pthread_kill", "abort", "konan::abort()",
    "(anonymous namespace)::terminateWithUnhandledException(ObjHeader*)::$_1::operator()() const",
    "void (anonymous namespace)::$_0::operator()<(anonymous namespace)::terminateWithUnhandledException(ObjHeader*)::$_1>"
    "((anonymous namespace)::terminateWithUnhandledException(ObjHeader*)::$_1)",
    "(anonymous namespace)::TerminateHandler::queuedHandler()", "(anonymous namespace)::processUnhandledException(ObjHeader*)",
)  # fmt: skip
EXPORTED = ("kotlin::ProcessUnhandledException(ObjHeader*)", "Kotlin_ObjCExport_trapOnUndeclaredException")
COROUTINES = (
    "kfun:kotlinx.coroutines#handleCoroutineException(kotlin.coroutines.CoroutineContext;kotlin.Throwable){}",
    "kfun:kotlinx.coroutines.StandaloneCoroutine.handleJobException#internal",
)


def aborted(*below: str, in_app: bool | None = None) -> CrashLog:
    system = ("libsystem_kernel.dylib", "libsystem_c.dylib")
    frames = [
        Frame(function=name, image=system[at] if at < len(system) else "Shared", in_app=in_app)
        for at, name in enumerate((*ABORTED, *below))
    ]
    thread = Thread(index=0, is_crashed=True, frames=tuple(frames))
    return CrashLog(
        format="apple-ips", platform="apple", faults=(Fault(type="EXC_CRASH", signal="SIGABRT"),), threads=(thread,)
    )


def test_a_printed_exception_is_read_with_its_cause_and_places():
    [log] = parse(PRINTED.encode())

    crash, cause = log.faults
    assert (crash.type, crash.message, crash.handled) == (
        "kotlin.IllegalStateException",
        "cart is null\nfor this user",
        False,
    )
    assert (crash.frames[2].image, crash.frames[2].file, crash.frames[2].line) == ("Shared", "/src/my cart/Cart.kt", 12)
    assert (crash.frames[3].function, crash.frames[3].offset) == ("-[UIWindow _setHidden:forced:]", 271)
    assert (cause.type, cause.relation, cause.parent, len(cause.frames)) == (
        "kotlin.NumberFormatException",
        "cause",
        0,
        1,
    )
    assert title(log) == "NumberFormatException: Invalid number format: 'x' in com.example.Price.Companion.parse"


@pytest.mark.parametrize("sender_says", [None, True])
@pytest.mark.parametrize("way", [EXPORTED, COROUTINES])
def test_the_runtime_and_the_coroutines_that_end_the_program_are_not_to_blame(way, sender_says):
    log = aborted(
        *way, "kfun:com.example.Cart#pay(){}", "objc2kotlin_kfun:com.example.Cart#pay(){}", in_app=sender_says
    )

    assert title(log) == "SIGABRT in com.example.Cart.pay"
    assert [one.name.text for one in Blame(log).own] == ["kfun:com.example.Cart.pay"]


def test_two_functions_are_two_crashes_and_the_numbers_of_coroutines_and_lambdas_make_no_new_one():
    pay, again, other = (
        aborted(*COROUTINES, f"kfun:com.example.Cart.{name}.invokeSuspend#internal", "kfun:com.example.Cart#all(){}")
        for name in ("$payCOROUTINE$12", "$payCOROUTINE$7", "$clearCOROUTINE$12")
    )

    assert fingerprint(pay) == fingerprint(again) != fingerprint(other)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("kfun:com.example.Cart#pay(kotlin.String;kotlin.Int){}kotlin.Boolean", "com.example.Cart.pay"),
        ("kfun:com.example#pay@com.example.Cart(){}", "com.example.pay"),
        ("kfun:com.example.Cart#<get-total>(){}kotlin.Int", "com.example.Cart.<get-total>"),
        ("kfun:com.example.Cart.pay()kotlin.String", "com.example.Cart.pay"),
        ("objc2kotlin_kfun:com.example.Cart#<init>(){}", "com.example.Cart.<init>"),
        ("kfun:com.example.Cart.$payCOROUTINE$12.invokeSuspend#internal", "com.example.Cart.pay"),
        ("kfun:com.example.App$lambda$3#internal", "com.example.App$lambda$3"),
        ("-[Cart kfun:]", "-[Cart kfun:]"),
    ],
)
def test_a_symbol_is_shown_as_the_function_in_it(symbol, name):
    assert kotlin_native.readable(symbol) == name
