"""What people type to find crashes."""

import pytest

from app.crashes.search import NamedSystem, Search, Term, read_search, read_system
from app.errors import BadParameters


@pytest.mark.parametrize(
    ("text", "words", "terms"),
    [
        ("", (), ()),
        ("notebook  null", ("notebook", "null"), ()),
        ('"cart is null" npe', ("cart is null", "npe"), ()),
        ("version:2.4", (), (Term("version", "2.4"),)),
        (
            'version:"2.4 beta" release:com.example@1',
            (),
            (Term("version", "2.4 beta"), Term("version", "com.example@1")),
        ),
        ("os:ios17 device:iPhone9,4", (), (Term("os", "ios17"), Term("device", "iPhone9,4"))),
        ("env:staging environment:a:b", (), (Term("env", "staging"), Term("env", "a:b"))),
        ("user:42 kind:ANR kind:oom", (), (Term("user", "42"), Term("kind", "anr"), Term("kind", "out_of_memory"))),
        ("handled:no is:handled", (), (Term("handled", "false"), Term("handled", "true"))),
        ('tag.screen:cart tag.a.b:"c d"', (), (Term("tag", "cart", "screen"), Term("tag", "c d", "a.b"))),
        ("null version:2 pointer", ("null", "pointer"), (Term("version", "2"),)),
        ("NullPointerException: std::vector", ("NullPointerException:", "std::vector"), ()),
        ("-[Notebook pageAtIndex:] a:b http://x", ("-[Notebook", "a:b", "http://x", "pageAtIndex:]"), ()),
        ("is:open assignee:me", (), (Term("is", "open"), Term("assignee", "me"))),
        ('"version:2.4"', ("version:2.4",), ()),
        ('5" screen', ('5"', "screen"), ()),
        ('version:"" ""', ('version:""',), ()),
    ],
)
def test_a_search_is_read_into_words_and_terms(text, words, terms):
    assert read_search(text) == Search(words, terms)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("verison:2.4", "verison is not understood, version is"),
        ("enviroment:x", "environment is"),
        ("tags.a:b", "tag.NAME is"),
        ("kind:bug", "kind is one of crash, anr"),
        ("handled:maybe", "handled is one of yes, no"),
        ("is:fine", "is is one of"),
        (" ".join(f"w{number}" for number in range(11)), "more than 10 words"),
    ],
)
def test_what_is_not_understood_is_named_with_what_is(text, named):
    with pytest.raises(BadParameters, match=r"^search") as refused:
        read_search(text)

    assert named in refused.value.message


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("ios17", "ios", "17"), ("iOS 17.1", "iOS", "17.1"), ("17.1", None, "17.1"), ("android", "android", None),
        ("Mac OS X 10.15", "Mac OS X", "10.15"), ("Windows 10 Pro", "Windows 10 Pro", None),
    ],
)  # fmt: skip
def test_a_system_is_its_name_and_the_beginning_of_its_version(text, name, version):
    assert read_system(text) == NamedSystem(name, version)
