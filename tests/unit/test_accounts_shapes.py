"""The shapes of what people give themselves: what is stored and what is refused before any database is asked."""

import pytest

from app.identity.accounts import EMAIL_SHAPE, IDENTIFIER_SHAPE, TOKEN_SHAPE


@pytest.mark.parametrize("email", ["ada@example.com", "a@b", "ä.ö+tag@bücher.example", "A@B.C"])
def test_an_e_mail_has_something_on_both_sides_of_one_at(email):
    assert EMAIL_SHAPE.fullmatch(email)


@pytest.mark.parametrize("email", ["", "@", "a@", "@b", "a b@c", "a@b@c", "a@b\n", "a\0@b", "\t@b", "plain"])
def test_anything_else_is_no_e_mail(email):
    assert not EMAIL_SHAPE.fullmatch(email)


@pytest.mark.parametrize("token", ["", "short", "x" * 101, "x" * 19 + "=", "x" * 20 + "\n", "ä" * 20, "x y" * 10])
def test_what_is_no_token_is_never_looked_up(token):
    assert not TOKEN_SHAPE.fullmatch(token)


@pytest.mark.parametrize("identifier", ["", "0" * 23, "0" * 25, "A" * 24, "g" * 24, "0" * 24 + "\n", "٠" * 24])
def test_what_is_no_identifier_is_never_looked_up(identifier):
    assert not IDENTIFIER_SHAPE.fullmatch(identifier)
