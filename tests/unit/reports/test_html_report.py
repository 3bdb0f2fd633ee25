"""The HTML report: self-contained, escaped, without scripts."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

from app.crashes.log import BinaryImage, Breadcrumb, CrashLog, Fault, Frame, Thread
from app.reports import html_report

VOID = {"meta", "br", "hr", "img", "link", "input"}
ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;{{ 7*7 }}"


def written(report) -> str:
    return b"".join(html_report.write(report)).decode("utf-8")


class Page(HTMLParser):
    """What a browser sees: tags, attributes, text; complains about tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def hostile(apple_log: CrashLog, text: str) -> CrashLog:
    return replace(
        apple_log,
        level=text,
        process=text,
        user_id=text,
        faults=(
            Fault(text, text, signal=text, code=text, mechanism=text),
            Fault(text, text, relation="cause", parent=0),
        ),
        threads=(
            Thread(0, name=text, queue=text, is_crashed=True, state=text, frames=(Frame(text, text, text, note=text),)),
            Thread(1, name=text, state=text, frames=(Frame(text, image=text),), registers={text: 1}),
        ),
        images=(BinaryImage(text, text, text, text, 1, 1),),
        custom={text: text, "nested": {text: [text]}},
        breadcrumbs=(Breadcrumb(None, text, text, text, {text: text}),),
        notes=(text,),
    )


def test_a_reader_finds_everything_of_the_crash(make_report):
    text = Page(written(make_report())).text

    for words in (
        "NSRangeException: index 5 beyond 3 in -[Cart pay:]",
        "Shop of all 1.2",
        "2018-09-13 12:00:00.120 UTC",
        "iOS 12.0 (16A366)",
        "Signal: SIGABRT",
        "Cart.m:31",
        "no symbol, 0x100000000 + 16",
        "com.apple.main-thread",
        "The log holds no frames of this thread.",
        "tapped Pay",
        "9223372036854775808",
        "/var/a.app/Shop",
        "The log was cut",
        "7-1536840000-logs-00003-crash-1",
        "crashq 0.1.0",
    ):
        assert words in text


def test_own_frames_are_marked_and_system_frames_are_not(make_report):
    html = written(make_report())

    rows = re.findall(r"<li( class=\"own\")?><span class=\"num\">.*?<b>(.*?)</b>", html)

    assert (' class="own"', "-[Cart pay:]") in rows
    assert ("", "objc_retain") in rows


def test_no_text_of_a_log_becomes_markup(make_report, apple_log):
    page = Page(written(make_report(hostile(apple_log, ATTACK), app_name=ATTACK, crash_title=ATTACK)))

    assert not {"script", "img", "svg", "iframe", "object", "form", "link"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("<script>alert(1)</script>") > 20
    assert "{{ 7*7 }}" in page.text


def test_the_page_loads_nothing_and_allows_only_its_own_style(make_report):
    html = written(make_report())
    page = Page(html)

    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(value for name, value in page.attributes if name == "content" and value.startswith("default-src"))

    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not {name for name, _ in page.attributes} & {"src", "href", "style", "action", "srcset"}
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_control_and_bidi_characters_become_visible(make_report, apple_log):
    html = written(make_report(hostile(apple_log, "a\x1b\u202eb\x00")))

    assert not {"\x1b", "\u202e", "\x00"} & set(html)
    assert "a\\x1b\\u202eb\\x00" in html


def test_a_log_that_knows_nothing_still_makes_a_whole_page(make_report):
    page = Page(written(make_report(CrashLog("test"))))

    assert "Unknown crash" in page.text
    assert "None" not in page.text
    assert "table" not in page.tags


def test_a_stack_that_exception_and_thread_share_is_shown_once(make_report, apple_log):
    frames = apple_log.threads[1].frames
    shared = replace(apple_log, faults=(replace(apple_log.faults[0], frames=frames),))

    assert written(make_report(shared)).count("<b>objc_retain</b>") == 1


def test_the_same_report_gives_the_same_bytes_in_bounded_chunks(make_report, apple_log):
    threads = tuple(replace(apple_log.threads[1], index=number) for number in range(2_000))
    report = make_report(replace(apple_log, threads=threads))

    chunks = list(html_report.write(report))

    assert b"".join(chunks) == b"".join(html_report.write(report))
    assert max(map(len, chunks)) < 100_000
    assert len(chunks) > 10


def test_what_else_the_log_says_and_related_stacks_are_shown(make_report):
    words = Page(written(make_report())).words

    assert "Deallocated by thread 9" in words
    assert ("Role" in words, "Foreground" in words) == (True, True)
