"""Mappings and source maps that a report does not name and would need."""

import pytest

from app.crashes.log import CrashLog, Fault, Frame, SourceMapRef, Thread
from app.symbols.undeclared import undeclared_symbols

UUID = "0a0b0c0d-0102-4304-8506-0708090a0b0c"
OBFUSCATED = (
    Frame("a", module="a.a.a", file="SourceFile", line=1),
    Frame("run", module="com.example.Task", file="SourceFile", line=1),
    Frame("c", module="a.b", file="Unknown Source"),
    Frame("c", module="b0.c", file="r8-map-id-0f0e"),
)
PLAIN = (
    Frame("run", module="com.foo.App", file="App.kt", line=4),
    Frame("run", module="java.lang.Thread", file="Unknown Source"),
    Frame("invoke", module="jdk.proxy2.$Proxy4", file="Unknown Source"),
    Frame(module="a.b", function="onCreate", file="B.java"),
    Frame(),
)


def java(*frames: Frame, **more) -> CrashLog:
    return CrashLog(format="x", platform="java", faults=(Fault("E", frames=frames),), **more)


def script(*frames: Frame, **more) -> CrashLog:
    return CrashLog(format="x", platform="javascript", faults=(Fault("E", frames=frames),), **more)


def told(log: CrashLog, *, is_named: bool = False) -> list[tuple[str, str | None, str | None]]:
    return [(one.kind, one.debug_id, one.name) for one in undeclared_symbols(log, is_named=is_named)]


@pytest.mark.parametrize("frame", OBFUSCATED)
def test_an_obfuscated_frame_lacks_a_mapping(frame):
    assert told(java(*PLAIN, frame)) == [("mapping", None, None)]


def test_other_frames_lack_none():
    assert told(java(*PLAIN)) == []


def test_a_mapping_that_the_report_names_or_that_has_named_frames_is_not_told_again():
    assert told(java(OBFUSCATED[0], mappings=(UUID,))) == []
    assert told(java(OBFUSCATED[0]), is_named=True) == []


def test_each_minified_script_lacks_its_map():
    frames = (
        Frame("mT", file="https://shop.example.com/js/app.js?v=1", line=24, column=32_678),
        Frame("Js.pay", file="/js/app.js", line=1, column=900),
        Frame("t", file="/js/vendor.js", line=1, column=121),
    )

    assert told(script(*frames)) == [("source_map", None, "app.js"), ("source_map", None, "vendor.js")]


def test_scripts_as_people_write_them_and_those_of_an_engine_lack_none():
    frames = (
        Frame("it", file="cart.js", line=9, column=3),
        Frame("openNotebook", file="cart.js", line=1, column=30),
        Frame("a", file="node:internal/timers", line=1, column=400),
        Frame("n", file="react.min.js", line=1, column=400, in_app=False),
        Frame("n", file="<anonymous>", line=1, column=1),
        Frame("n", file="app.js"),
    )

    assert told(script(*frames)) == []


def test_a_script_whose_map_the_report_names_is_not_told_again():
    frame = Frame("t", file="/js/app.js", line=1, column=900)

    assert told(script(frame, source_maps=(SourceMapRef("/js/app.js", UUID),))) == []


def test_threads_count_and_other_languages_do_not():
    threads = (Thread(index=0, frames=(OBFUSCATED[0],)),)

    assert told(CrashLog(format="x", platform="java", threads=threads)) == [("mapping", None, None)]
    assert told(CrashLog(format="x", platform="python", threads=threads)) == []
