"""Frames that were found by searching a stack are guesses: they must not split a group, nor be all that is left."""

import pytest

from app.crashes.fingerprint import fingerprint
from app.crashes.log import CrashLog, Frame
from tests.stacks import crash, own, value


def guess(function: str | None, image: str = "Shop") -> Frame:
    return Frame(function, image=image, is_guess=True)


def native(*frames: Frame, type: str | None = "SIGSEGV") -> CrashLog:
    return crash(*frames, type=type, platform="native")


def test_guesses_below_two_sure_names_do_not_count():
    sure = (own("pay"), own("tap"))

    assert value(native(*sure, guess("mix"))) == value(native(*sure, guess("poll"))) == value(native(*sure))


def test_the_nearest_guess_tells_who_called_the_one_function_that_is_sure():
    assert fingerprint(native(own("pay"), guess("tap"), guess("mix"))).parts[1:] == ("frame: pay", "frame: tap")
    assert value(native(own("pay"), guess("tap"))) != value(native(own("pay"), guess("poll")))


def test_sure_frames_below_guesses_count_in_their_order():
    assert value(native(own("pay"), guess("mix"), own("tap"))) == value(native(own("pay"), own("tap")))


def test_a_guess_that_names_what_is_sure_takes_no_place():
    log = native(own("pay"), guess("pay"), guess("tap"))

    assert fingerprint(log).parts[1:] == ("frame: pay", "frame: tap")


def test_where_all_own_frames_are_guesses_the_first_two_count():
    log = native(Frame("gsignal", image="libc.so.6"), guess("check"), guess("sell"), guess("mix"), type="SIGABRT")

    assert fingerprint(log).parts == ("type: abort", "frame: check", "frame: sell")


def test_images_that_were_guessed_count_only_where_no_other_is_known():
    sure = native(Frame(image="Shop"), guess(None, "libsound.so"), guess(None, "libc.so"))
    lost = native(Frame(address=4096), guess(None, "Shop"))

    assert fingerprint(sure).parts == ("type: bad memory access", "image: Shop")
    assert "image: Shop" in fingerprint(lost).parts


@pytest.mark.parametrize("access", ["READ", "WRITE", "EXEC"])
@pytest.mark.parametrize("kind", ["EXCEPTION_ACCESS_VIOLATION", "EXCEPTION_IN_PAGE_ERROR"])
def test_a_tool_that_tells_the_access_in_the_type_and_one_that_does_not_are_of_one_group(kind, access):
    assert value(native(own("pay"), type=f"{kind}_{access}")) == value(native(own("pay"), type=kind))
