"""Names that compilers have mangled, as people read them, in reports and in groups."""

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog, Fault, Frame, Thread
from app.symbols.resolving import MAX_MANGLED, readable, resolve


@pytest.mark.parametrize(
    ("mangled", "read"),
    [("_ZN4cart5totalEi", "cart::total(int)"), ("__ZN4cart5totalEi", "cart::total(int)"),
     ("_ZN3foo3barINS_3BazEEEvT_", "foo::bar<foo::Baz>(foo::Baz)"),
     ("___ZN4cart5totalEi_block_invoke", "invocation function for block in cart::total(int)"),
     ("?pay@Cart@@QEAAXXZ", "Cart::pay(void)"),
     ("_ZN4cart5total17h0123456789abcdefE", "cart::total"),
     ("_RNvNtCs9ltgdHTiPiY_4core9panicking5panic", "core::panicking::panic"),
     ("$s4Cafe4TillC5printyyF", "Till.print()"), ("_$s4Cafe4TillC5printyyFyycfU_", "closure #1 in Till.print()"),
     ("_T04Cart5totalSiyF", "total()")],
)  # fmt: skip
def test_mangled_names_are_read(mangled: str, read: str) -> None:
    assert readable(mangled) == read


@pytest.mark.parametrize(
    "name",
    ["main", "-[Cart total]", "a.b.c", "set__5value", "f__Fi", "_Dmain", "_start", "_Z", "$s", "_Zebra", "_Rb_tree", "??", "",
     "_Unwind_Resume", "__32-[A tap]_block_invoke", "_ZN" + "1a" * MAX_MANGLED + "Ev", "_ZN4cart"],
)  # fmt: skip
def test_other_names_stay_as_they_are(name: str) -> None:
    assert readable(name) == name


def crash(*functions: str) -> CrashLog:
    frames = tuple(Frame(function=name, image="Cafe") for name in functions)
    thread = Thread(0, is_crashed=True, frames=frames)
    return CrashLog("tests", platform="apple", faults=(Fault(type="SIGSEGV"),), threads=(thread,))


@pytest.mark.parametrize(
    ("mangled", "read"),
    [(["$s4Cafe4TillC5printyyFyycfU_", "$s4Cafe4TillC5printyyFTo"], ["closure #1 in Till.print()", "@objc Till.print()"]),
     (["_ZN4cart5totalEi", "_ZN4cart3payEv.cold.1"], ["cart::total(int)", "cart::pay()"]),
     (["_ZN4cart5total17h0123456789abcdefE"], ["cart::total"])],
)  # fmt: skip
def test_a_crash_is_one_whether_its_names_come_mangled_or_not(mangled: list[str], read: list[str]) -> None:
    prints = [fingerprint(resolve(crash(*names), lambda _: None, None).log) for names in (mangled, read)]

    assert prints[0] == prints[1]
    assert prints[0].rule == "in-app frames"


def test_to_read_a_name_does_not_count_as_a_use_of_symbols() -> None:
    found = resolve(crash("_ZN4cart5totalEi"), lambda _: None, None, only_crash=True)

    assert found.log.threads[0].frames[0].function == "cart::total(int)"
    assert not found.used
