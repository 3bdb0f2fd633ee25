"""How many event streams a process has open, and that nobody takes all of them."""

import pytest

from app.errors import TooManyRequests, TransientError
from app.web.api.streams import OF_ONE_TOKEN, Streams

ADA, BOB, EVE = 1, 2, 3
APP, OTHER_APP = 1, 2


def fill(streams: Streams, user: int, number: int, app: int = APP) -> list:
    """Streams of a user who has logged in again for every few of them."""
    return [streams.enter(f"token {user}-{at // OF_ONE_TOKEN}", user, app) for at in range(number)]


@pytest.mark.parametrize(("places", "of_one_user"), [(16, 8), (9, 5), (5, 3), (4, 2), (3, 2), (2, 1)])
def test_a_user_with_many_logins_leaves_half_of_the_places_to_others(services, places, of_one_user):
    streams = Streams(services, places)
    fill(streams, ADA, of_one_user)

    with pytest.raises(TooManyRequests, match="close one, or poll"):
        streams.enter("another token of Ada's", ADA, OTHER_APP)

    fill(streams, BOB, places - of_one_user, OTHER_APP)
    with pytest.raises(TransientError, match="poll instead"):
        streams.enter("somebody else's", EVE, 3)


@pytest.mark.parametrize(("places", "of_one_app"), [(16, 12), (9, 7), (4, 3), (3, 2), (2, 1)])
def test_the_users_of_one_app_together_leave_places_to_other_apps(services, places, of_one_app):
    streams = Streams(services, places)
    for user in range(of_one_app):
        fill(streams, user, 1)

    with pytest.raises(TransientError, match="poll instead"):
        fill(streams, of_one_app, 1)

    fill(streams, of_one_app, 1, OTHER_APP)


def test_a_place_is_free_again_once_however_often_its_end_is_reported(services):
    streams = Streams(services, 16)
    leave, *_ = fill(streams, ADA, 8)

    leave()
    leave()

    streams.enter("another token of Ada's", ADA, APP)
    with pytest.raises(TooManyRequests):
        streams.enter("another token of Ada's", ADA, APP)
