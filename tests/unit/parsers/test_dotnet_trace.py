"""Traces of .NET, in the languages of its messages and of code compiled ahead of time."""

import pytest

from tests.printed import SAMPLES, places, read


@pytest.mark.parametrize(
    ("at", "source"),
    [
        ("at", "in C:\\src\\Cart.cs:line 7"),
        ("bei", "in C:\\src\\Cart.cs:Zeile 7."),
        ("à", "dans C:\\src\\Cart.cs:ligne 7"),
        ("в", "в C:\\src\\Cart.cs:строка 7"),
        ("场所".replace("场", "場"), "場所 C:\\src\\Cart.cs:行 7"),
        ("在", "位置 C:\\src\\Cart.cs:行号 7"),
        ("konum:", "C:\\src\\Cart.cs içinde: satır 7"),
        ("a következő helyen:", "hely: C:\\src\\Cart.cs, sor: 7"),
        ("於", "於 C:\\src\\Cart.cs: 行 7"),
        ("在", "在 C:\\src\\Cart.cs 中: 第 7 行"),
        ("kohteessa", "tiedostossa C:\\src\\Cart.cs:rivillä 7"),
        ("at", "[0x00010] in C:\\src\\Cart.cs:7 "),
        ("at", "+ 0x44 in C:\\src\\Cart.cs:line 7"),
    ],
)
def test_a_dotnet_trace_is_read_in_the_language_of_its_system(at, source):
    report = read(f"Shop.CartException: leer\n   {at} Shop.Cart.Pay(Int32 a) {source}\n   {at} Shop.Cart..ctor()\n")

    (fault,) = report.faults
    assert (report.platform, fault.type, fault.message) == ("csharp", "Shop.CartException", "leer")
    assert places(fault.frames) == [("Pay", "C:\\src\\Cart.cs", 7), (".ctor", None, None)]


@pytest.mark.parametrize(
    "said",
    ["Exception non gérée : ", "Kezeletlen kivétel: ", "未经处理的异常:  ", "Необработанное исключение: "],
)
def test_an_unhandled_exception_of_dotnet_is_told_in_the_language_of_its_system(said):
    report = read(f"{said}Shop.CartException: leer\n   bei Shop.Cart.Pay()\n")

    assert (report.faults[0].type, report.faults[0].message, report.faults[0].handled) == (
        "Shop.CartException",
        "leer",
        False,
    )


def test_a_dotnet_exception_behind_the_words_of_a_log_has_its_type():
    report = read("10:00:00 ERROR payment failed: Shop.CartException: leer\n   at Shop.Cart.Pay()\n")

    assert (report.faults[0].type, report.faults[0].message) == ("Shop.CartException", "leer")


def test_dotnet_code_compiled_ahead_of_time_has_names_without_offsets():
    report = read("System.Exception: x\n   at Shop!Shop.Cart.Pay() + 0x44\n   at Shop!<BaseAddress>+0x12\n")

    first, second = report.faults[0].frames
    assert (first.module, first.function) == ("Shop.Cart", "Pay")
    assert (second.function, second.image, second.offset) == (None, "Shop", 0x12)


def test_inner_exceptions_of_dotnet_are_causes_with_their_own_frames():
    report = read((SAMPLES / "dotnet-inner.txt").read_text())

    assert [(each.type, [frame.function for frame in each.frames]) for each in report.faults] == [
        ("System.InvalidOperationException", ["Pay", ".ctor", "<Main>$"]),
        ("System.NullReferenceException", ["Read", "<Pay>b__1"]),
    ]


MEMBERS = """\
Unhandled exception. System.AggregateException: Several. (no cart) (no price)
 ---> System.InvalidOperationException: no cart
   at Shop.Cart.Pay() in /src/Cart.cs:line 12
   --- End of inner exception stack trace ---
   at Shop.Program.Main(String[] args)
{first} ---> (Inner Exception #1) System.ArgumentException: no price
   at Shop.Price.Of() in /src/Price.cs:line 3
   at Shop.Cart.Pay()<---
"""
FIRST_AGAIN = """\
---> (Inner Exception #0) System.InvalidOperationException: no cart
   at Shop.Cart.Pay() in /src/Cart.cs:line 12<---

"""


@pytest.mark.parametrize("first", ["", FIRST_AGAIN], ids=[".NET 8", ".NET Framework"])
def test_all_exceptions_of_an_aggregate_are_its_causes_once(first):
    report = read(MEMBERS.format(first=first))

    assert [(each.type, each.parent, len(each.frames)) for each in report.faults] == [
        ("System.AggregateException", None, 1),
        ("System.InvalidOperationException", 0, 1),
        ("System.ArgumentException", 0, 2),
    ]
