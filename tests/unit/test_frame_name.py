"""The names of frames: what compilers generate must not split a group, what people wrote must."""

import time

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.frame_name import stable_name
from app.crashes.log import CrashLog, Fault, Frame, Thread


def crash(*frames: Frame, platform: str = "apple") -> CrashLog:
    thread = Thread(0, is_crashed=True, frames=frames)
    return CrashLog("test", platform, faults=(Fault("Error"),), threads=(thread,))


def own(function: str) -> Frame:
    return Frame(function, image="Shop")


def java(name: str) -> Frame:
    module, _, function = name.rpartition("#")
    return Frame(function, module=module)


def value(log: CrashLog) -> str:
    return fingerprint(log).value


JAVA_SAME = [
    ("a.Main#lambda$onCreate$0", "a.Main#lambda$onCreate$7"),
    ("a.Main#lambda$onCreate$0$a-Main", "a.Main#onCreate"),
    ("a.Main$1#run", "a.Main$2#run"),
    ("a.Main$Inner$2$1#run", "a.Main$Inner$3#run"),
    ("a.Main#access$3500", "a.Main#access$100"),
    ("a.Main#$r8$lambda$Ab-1", "a.Main#$r8$lambda$Zz_2"),
    ("a.Main$$ExternalSyntheticLambda2#run", "a.Main$$ExternalSyntheticLambda11#run"),
    ("a.-$$Lambda$Main$Xy_1#run", "a.-$$Lambda$Main$Zw-2#run"),
    ("a.Main$$Lambda$14/0x0000000800066840#run", "a.Main$$Lambda$15/0x0000000800077950#run"),
    ("a.Repo$load$2#invokeSuspend", "a.Repo$load$3#invokeSuspend"),
    ("a.Repo#invokeSuspend$lambda$2", "a.Repo#invokeSuspend$lambda-4"),
    ("a.Repo#load$default", "a.Repo#load"),
    ("a.Svc$$EnhancerBySpringCGLIB$$1a2b#save", "a.Svc$$EnhancerBySpringCGLIB$$3c4d#save"),
    ("a.ComposableSingletons$MainKt$lambda-1$1#invoke", "a.ComposableSingletons$MainKt$lambda-2$1#invoke"),
]
JAVA_DIFFERENT = [
    ("a.Main#lambda$onCreate$0", "a.Main#lambda$onStop$0"),
    ("a.Main$1#run", "a.Other$1#run"),
    ("a.Main$Inner#run", "a.Main$Outer#run"),
    ("a.Main$$ExternalSyntheticLambda2#run", "a.Other$$ExternalSyntheticLambda2#run"),
    ("a.-$$Lambda$Main$Xy_1#run", "a.-$$Lambda$Other$Xy_1#run"),
    ("a.Repo$load$2#invokeSuspend", "a.Repo$save$2#invokeSuspend"),
    ("a.Main#<init>", "a.Main#<clinit>"),
    ("a.Main#access$3500", "a.Other#access$3500"),
]


@pytest.mark.parametrize(("first", "second"), JAVA_SAME)
def test_generated_java_and_kotlin_names_do_not_split_a_group(first, second):
    assert value(crash(java(first), platform="java")) == value(crash(java(second), platform="java"))


@pytest.mark.parametrize(("first", "second"), JAVA_DIFFERENT)
def test_different_java_and_kotlin_functions_stay_apart(first, second):
    assert value(crash(java(first), platform="java")) != value(crash(java(second), platform="java"))


def test_a_bridge_that_only_one_compiler_makes_does_not_split_a_group():
    with_bridges = crash(
        java("a.Main#lambda$tap$0"),
        java("a.Main#access$000"),
        java("a.Main$$ExternalSyntheticLambda0#run"),
        platform="java",
    )

    assert value(with_bridges) == value(crash(java("a.Main#lambda$tap$0"), platform="java"))


def test_a_bridge_is_all_there_is_of_a_lambda_that_was_inlined_and_counts_then():
    called_from_main = crash(java("b.Lib#go"), java("a.Main$$ExternalSyntheticLambda0#run"), platform="java")
    called_from_other = crash(java("b.Lib#go"), java("a.Other$$ExternalSyntheticLambda0#run"), platform="java")

    assert value(called_from_main) != value(called_from_other)


NATIVE_SAME = [
    ("__32-[AppDelegate(UI) tap]_block_invoke", "__32-[AppDelegate(UI) tap]_block_invoke_2.563"),
    ("-[Cart pay].cold.1", "-[Cart pay]"),
    ("pay$VARIANT$mp", "pay"),
    ("pay.llvm.123456", "pay.isra.0"),
    ("closure #1 in Cart.pay()", "closure #12 in Cart.pay()"),
    ("partial apply for closure #1 in Cart.pay()", "closure #2 (Swift.Int) -> () in Cart.pay()"),
    ("@objc Cart.pay() -> ()", "Cart.pay() -> ()"),
    ("specialized Cart.pay()", "generic specialization <Swift.Int> of Cart.pay()"),
    ("$s4Shop4CartC3payyyFyycfU_", "$s4Shop4CartC3payyyFyycfU3_"),
    ("$s4Shop4CartC3payyyF", "$s4Shop4CartC3payyyFTo"),
    ("Cart<int>::pay(int)", "Cart<std::map<int, long> >::pay(unsigned long) const"),
    ("(anonymous namespace)::pay(int)", "`anonymous namespace'::pay"),
    ("Cart::pay()::$_0::operator()() const", "Cart::pay()::$_7::operator()(int)"),
    ("<lambda_5db80dab47756d3e72c2dcd38b80b1dd>::operator()", "<lambda_00b80dab47756d3e72c2dcd38b80b100>::operator()"),
    ("shop::pay::h0123456789abcdef", "shop::pay::hfedcba9876543210"),
    ("shop::pay::{{closure}}", "shop::pay"),
]
NATIVE_DIFFERENT = [
    ("__32-[AppDelegate tap]_block_invoke", "__32-[AppDelegate drag]_block_invoke"),
    ("-[Cart pay]", "+[Cart pay]"),
    ("-[Cart(UI) pay]", "-[Cart(Net) pay]"),
    ("closure #1 in Cart.pay()", "closure #1 in Cart.buy()"),
    ("$s4Shop4CartC3payyyF", "$s4Shop4CartC3buyyyF"),
    ("Cart<int>::pay(int)", "Cart<int>::buy(int)"),
    ("Cart::operator<(Cart const&)", "Cart::operator>(Cart const&)"),
    ("Cart::operator()(int)", "Cart::operator->()"),
    ("<shop::Cart as shop::Pay>::pay", "<shop::Card as shop::Pay>::pay"),
    ("pay2", "pay3"),
]


@pytest.mark.parametrize(("first", "second"), NATIVE_SAME)
def test_what_native_compilers_add_to_names_does_not_split_a_group(first, second):
    assert value(crash(own(first))) == value(crash(own(second)))


@pytest.mark.parametrize(("first", "second"), NATIVE_DIFFERENT)
def test_different_native_functions_stay_apart(first, second):
    assert value(crash(own(first))) != value(crash(own(second)))


OTHER_SAME = [
    ("csharp", Frame("Shop.<Pay>d__3.MoveNext"), Frame("Shop.<Pay>d__9.MoveNext")),
    ("csharp", Frame("Shop.<>c__DisplayClass5_0.<Run>b__1"), Frame("Shop.<>c__DisplayClass7_1.<Run>b__0")),
    ("csharp", Frame("Shop.Execute[T](Int32 x)"), Frame("Shop.Execute[U]()")),
    ("csharp", Frame("Invoke", module="Shop.Cart.pay@12-1"), Frame("Invoke", module="Shop.Cart.pay@14-3")),
    ("csharp", Frame("Pay + 0x44", module="Shop.Cart"), Frame("Pay + 0x1c", module="Shop.Cart")),
    ("javascript", Frame("async*pay", file="c.js"), Frame("pay", file="c.js")),
    ("javascript", Frame("EventListener.handleEvent*pay", file="c.js"), Frame("async pay", file="c.js")),
    (
        "javascript",
        Frame("checkout", file="/js/main.3f2a1bc9.chunk.js"),
        Frame("checkout", file="/js/main.99aa1bc0.chunk.js"),
    ),
    ("javascript", Frame("t", file="app-1a2b3c4d.js"), Frame("e", file="app-9f8e7d6c.js")),
    ("javascript", Frame("Cart.add [as go]", file="c.js"), Frame("Cart.add", file="c.js")),
    (
        "dart",
        Frame("Cart.build.<anonymous closure>", module="package:a/b.dart"),
        Frame("Cart.build", module="package:a/b.dart"),
    ),
    ("go", Frame("Pay.func1.2", module="main"), Frame("Pay.func3", module="main")),
]
OTHER_DIFFERENT = [
    ("csharp", Frame("Shop.<Pay>d__3.MoveNext"), Frame("Shop.<Buy>d__3.MoveNext")),
    ("csharp", Frame("Shop..ctor"), Frame("Shop..cctor")),
    ("javascript", Frame("checkout", file="main.3f2a1bc9.js"), Frame("checkout", file="cart.3f2a1bc9.js")),
    ("javascript", Frame("checkout", file="main.js"), Frame("refund", file="main.js")),
    ("dart", Frame("Cart.build", module="package:a/b.dart"), Frame("Cart.build", module="package:a/c.dart")),
    ("python", Frame("pay", module="shop.cart"), Frame("pay", module="shop.card")),
    ("go", Frame("Pay.func1", module="main"), Frame("Buy.func1", module="main")),
]


@pytest.mark.parametrize(("platform", "first", "second"), OTHER_SAME)
def test_names_that_other_languages_generate_do_not_split_a_group(platform, first, second):
    assert value(crash(first, platform=platform)) == value(crash(second, platform=platform))


@pytest.mark.parametrize(("platform", "first", "second"), OTHER_DIFFERENT)
def test_different_functions_of_other_languages_stay_apart(platform, first, second):
    assert value(crash(first, platform=platform)) != value(crash(second, platform=platform))


HOSTILE = [
    "TfTf",
    "$sTf4n",
    "closure #1 ",
    "$$Lambda$",
    "-$$Lambda$a$a",
    "<<",
    "((",
    "((x>",
    "[a",
    "lambda(",
    "<lambda(",
    ".1",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("family", ["image", "java", "javascript", "csharp", "dart", "go"])
def test_hostile_names_cost_no_more_time_than_others(piece, family):
    text = "$s" * (piece == "TfTf") + piece * (65_536 // len(piece)) + "!"
    begun = time.perf_counter()

    stable_name(Frame(text, module=text, file=text), family)

    assert time.perf_counter() - begun < 0.5
