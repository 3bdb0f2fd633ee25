"""What a page shows of a report: own frames open, the rest folded, and all of it bounded."""

from app.web.console.report_view import (
    ALL_FRAMES,
    MAX_CRUMBS,
    MAX_CUSTOM,
    MAX_FRAMES,
    MAX_THREADS,
    OPEN_WITHOUT_OWN,
    stack_of,
    view_of,
)

FRAME = {
    "function": "run", "module": None, "file": None, "line": None, "column": None, "in_app": False, "image": "libsystem",
    "address": "0x10", "image_address": None, "symbol_address": None, "offset": None, "note": None,
}  # fmt: skip


def frames(letters: str) -> list[dict]:
    """One for each letter: `o` is the app's own."""
    return [{**FRAME, "in_app": letter == "o"} for letter in letters]


def shape(letters: str) -> list[tuple[int, bool]]:
    return [(len(run.frames), run.is_folded) for run in stack_of(frames(letters)).runs]


def report(**values) -> dict:
    app = {"identifier": "7b1d", "version": "1.2 beta", "build": None}
    return {
        "app": app, "exceptions": [], "threads": [], "images": [], "breadcrumbs": [], "missing_symbols": [], "custom": {},
        "notes": [], **values,
    }  # fmt: skip


def thread(**values) -> dict:
    return {"index": 0, "is_crashed": False, "frames": [], **values}


def fault(**values) -> dict:
    return {"relation": None, "type": "Error", "message": None, "signal": None, "code": None, "frames": [], **values}


def test_own_frames_are_open_and_runs_of_others_folded():
    assert shape("ooxxxoxxx") == [(2, False), (3, True), (1, False), (3, True)]


def test_the_crash_frame_is_open_whosever_it_is():
    assert shape("xxxo") == [(1, False), (2, True), (1, False)]


def test_a_single_frame_between_is_not_folded():
    assert [folded for _, folded in shape("oxo")] == [False, False, False]


def test_a_stack_without_own_frames_shows_its_first_ones():
    assert shape("x" * 30) == [(OPEN_WITHOUT_OWN, False), (30 - OPEN_WITHOUT_OWN, True)]


def test_a_stack_of_half_a_million_frames_is_cut_and_says_so():
    stack = stack_of(frames("x" * 5_000))

    assert sum(len(run.frames) for run in stack.runs) == MAX_FRAMES
    assert stack.left_out == 5_000 - MAX_FRAMES


def test_frames_are_named_by_what_is_known():
    named = stack_of(
        [
            {**FRAME, "module": "com.example.Notes", "function": "open", "file": "src/Notes.kt", "line": 7},
            {**FRAME, "module": "Notes", "function": "Notes.open"},
            {**FRAME, "function": None},
            {**FRAME, "function": None, "address": None, "image": "C:\\apps\\notes.dll"},
        ]
    )

    shown = [(frame.name, frame.place) for run in named.runs for frame in run.frames]
    assert shown == [
        ("com.example.Notes.open", "Notes.kt:7"), ("Notes.open", "libsystem"), ("0x10", "libsystem"), ("?", "notes.dll"),
    ]  # fmt: skip


def test_the_text_to_copy_has_every_frame_with_the_own_ones_marked():
    text = stack_of([{**FRAME, "in_app": True, "file": "Notes.kt", "line": 7}, FRAME]).text

    assert text == "0   * run  (Notes.kt:7)\n1     run  (libsystem)"


def test_an_exception_without_frames_has_the_crashed_threads_stack():
    told = view_of(report(exceptions=[fault(), fault(relation="cause")],
                          threads=[thread(), thread(index=1, is_crashed=True, frames=frames("o"))]))  # fmt: skip

    assert [(len(one.stack.runs), one.is_of_thread) for one in told.faults] == [(1, True), (0, False)]


def test_a_report_without_exceptions_tells_the_crashed_thread():
    told = view_of(report(threads=[thread(is_crashed=True, frames=frames("o"))]))

    assert [one.is_of_thread for one in told.faults] == [True]


def test_what_is_left_out_of_a_long_report_is_counted():
    crumbs = [{"message": str(number)} for number in range(MAX_CRUMBS + 2)]

    told = view_of(report(threads=[thread() for _ in range(MAX_THREADS + 3)], breadcrumbs=crumbs))

    assert len(told.threads) == MAX_THREADS
    assert (told.left_out["threads"], told.left_out["breadcrumbs"]) == (3, 2)
    assert told.crumbs[0].message == str(MAX_CRUMBS + 1)  # the latest first


def test_many_threads_share_a_number_of_frames_and_the_crashed_one_comes_first():
    told = view_of(report(threads=[thread(index=n, is_crashed=n == 99, frames=frames("x" * 100)) for n in range(100)]))

    assert told.threads[0].head["index"] == 99
    assert sum(len(run.frames) for one in told.threads for run in one.stack.runs) == ALL_FRAMES
    assert sum(one.stack.left_out for one in told.threads) == 100 * 100 - ALL_FRAMES
    assert all(one.stack.left_out == 0 for one in told.threads[:30])


def test_long_custom_data_are_cut():
    told = view_of(report(custom={"text": "x" * 100_000}))

    assert len(told.custom) < MAX_CUSTOM + 10
    assert told.custom.endswith("…")


def test_each_missing_file_has_the_command_that_sends_it():
    missing = [
        {"kind": "native", "debug_id": "0a0b", "name": "lib cart.so"},
        {"kind": "mapping", "debug_id": "0c0d", "name": None},
        {"kind": "mapping", "debug_id": None, "name": None},
        {"kind": "source_map", "debug_id": None, "name": "main.js"},
    ]

    commands = [one.command for one in view_of(report(missing_symbols=missing)).missing]

    add = "crashq remote symbols add --app 7b1d"
    assert commands == [
        f"{add} 'lib cart.so'",
        f"{add} --version '1.2 beta' mapping.txt",
        f"{add} --version '1.2 beta' mapping.txt",
        f"{add} --version '1.2 beta' main.js.map",
    ]


def test_a_file_that_nothing_would_find_has_no_command():
    app = {"identifier": "7b1d", "version": None, "build": None}
    missing = [{"kind": "mapping", "debug_id": None, "name": None}]

    assert view_of(report(app=app, missing_symbols=missing)).missing[0].command == ""
