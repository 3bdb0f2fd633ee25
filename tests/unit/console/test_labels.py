"""Labels out of several words."""

import pytest

from app.web.console.page import joined


@pytest.mark.parametrize(
    ("words", "label"),
    [
        (["iOS", "17.1", "(21B74)"], "iOS 17.1 (21B74)"),
        (["Linux", "Linux 3.13.0 x86_64"], "Linux 3.13.0 x86_64"),
        (["Mac", "Macintosh"], "Mac Macintosh"),
        ([None, "", "17.1"], "17.1"),
        (["driver", 20520], "driver 20520"),
        ([], ""),
    ],
)
def test_words_are_told_once_and_unknown_ones_are_left_out(words, label):
    assert joined(words) == label
