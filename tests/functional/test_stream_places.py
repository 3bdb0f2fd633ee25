"""How many event streams a process has open, and that nobody takes all of them."""

import pytest

from app.errors import TooManyRequests, TransientError
from app.web.api.streams import OF_ONE_TOKEN, Streams

PLACES, ADA, BOB = 16, 1, 2


def fill(streams: Streams, user: int, number: int) -> list:
    """Streams of a user who has logged in again for every few of them."""
    return [streams.enter(f"token {user}-{at // OF_ONE_TOKEN}", user) for at in range(number)]


def test_a_user_with_many_logins_leaves_half_of_the_places_to_others(services):
    streams = Streams(services, PLACES)
    fill(streams, ADA, PLACES // 2)

    with pytest.raises(TooManyRequests, match="close one, or poll"):
        streams.enter("another token of Ada's", ADA)

    fill(streams, BOB, PLACES // 2)
    with pytest.raises(TransientError, match="poll instead"):
        streams.enter("somebody else's", 3)


def test_a_place_is_free_again_once_however_often_its_end_is_reported(services):
    streams = Streams(services, PLACES)
    leave, *_ = fill(streams, ADA, PLACES // 2)

    leave()
    leave()

    streams.enter("another token of Ada's", ADA)
    with pytest.raises(TooManyRequests):
        streams.enter("another token of Ada's", ADA)
