"""How many passwords may be tried and mails sent: for one e-mail, from one address, by a user, and by a process at once."""

import hashlib
import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.acting import actor
from app.errors import TooManyRequests
from app.mail import mailbox
from app.services import Services

ADDRESS_TIMES = 10  # the limit of one e-mail: so many wrong passwords may come from one address
HASHES_AT_ONCE = 2  # of one process; each takes 64 MiB and a core
LOGINS_AT_ONCE = (
    4  # of one process, those that wait for a hash included: the other request slots stay for other requests
)
COME_BACK = 1  # seconds
HOUR = 60  # minutes
MAILS_TO_ONE, MAILS_BY_ONE = 5, 20  # an hour: to a recipient from all users, and by a user

_hashes = threading.BoundedSemaphore(HASHES_AT_ONCE)
_logins = threading.BoundedSemaphore(LOGINS_AT_ONCE)


class Guess:
    """One try of a password or an e-mail, counted as wrong until it proves right."""

    def __init__(self, services: Services) -> None:
        self._limit, self._counted = services.rate_limit, list[tuple[str, int]]()

    def count(self, name: str, per_minute: int, what: str) -> None:
        """Count the try before it is made. Raises TooManyRequests when a minute has seen too many."""
        seconds = self._limit.reserve(name, per_minute) if self._limit else 0
        if seconds:
            self.was_right()
            raise TooManyRequests(f"Too many {what}, try again in {seconds} s", retry_after=seconds)
        self._counted.append((name, per_minute))

    def was_right(self) -> None:
        """Take it back: right passwords are not counted, nor are tries that another limit refused."""
        for name, per_minute in self._counted:
            if self._limit:
                self._limit.give_back(name, per_minute)
        self._counted.clear()


def begin_guess(services: Services, email_hash: str, address: str) -> Guess:
    """Count a try for an e-mail, and for the address that it comes from. Raises TooManyRequests."""
    guess, most = Guess(services), services.config.wrong_passwords_per_minute
    guess.count(f"login:{email_hash}", most, "wrong passwords for this e-mail")
    if is_of_one_sender(address, services.config.trusted_proxies):
        guess.count(f"login-from:{address}", ADDRESS_TIMES * most, "wrong passwords from this address")
    return guess


def begin_lookup(services: Services) -> Guess:
    """Count an e-mail that a user, not the operator, looks for as that of nobody. Raises TooManyRequests."""
    guess, user = Guess(services), actor().user_id
    if user is not None:
        guess.count(f"lookup:{user}", services.config.wrong_passwords_per_minute, "e-mails that nobody has")
    return guess


def begin_mail(services: Services, email_hash: str, address: str) -> None:
    """Count a mail that somebody asks for, for an e-mail and from an address. Raises TooManyRequests."""
    limit = services.rate_limit
    counted = [(f"mail:{email_hash}", 1)]
    if is_of_one_sender(address, services.config.trusted_proxies):
        counted.append((f"mail-from:{address}", ADDRESS_TIMES))
    for name, per_minute in counted:
        seconds = limit.reserve(name, per_minute) if limit else 0
        if seconds:
            raise TooManyRequests(f"Too many mails at the same time, try again in {seconds} s", retry_after=seconds)


def count_mail_to(services: Services, recipient: str) -> None:
    """Count a mail that a user sends to somebody else, such as an invitation. Raises TooManyRequests."""
    limit, user = services.rate_limit, actor().user_id
    if limit is None:
        return
    person = hashlib.sha256(mailbox(recipient).encode(errors="replace")).hexdigest()
    by_user = (f"mails-by:{user}", MAILS_BY_ONE)
    if user is not None and (seconds := limit.reserve(*by_user, HOUR)):
        raise _too_many("You have sent too many mails", seconds)
    if seconds := limit.reserve(f"mails-to:{person}", MAILS_TO_ONE, HOUR):
        if user is not None:
            limit.give_back(*by_user, HOUR)
        raise _too_many("This address has been sent too many mails", seconds)


def _too_many(what: str, seconds: int) -> TooManyRequests:
    return TooManyRequests(f"{what} within an hour; try again in {-(-seconds // 60)} min", retry_after=seconds)


def is_of_one_sender(address: str, trusted_proxies: int) -> bool:
    """False for what may be the address of a proxy, behind which everybody is."""
    try:
        return ipaddress.ip_address(address).is_global or trusted_proxies > 0
    except ValueError:
        return False


@contextmanager
def hashing() -> Iterator[None]:
    """Within it, a password is hashed. Raises TooManyRequests when too many logins are under way."""
    if not _logins.acquire(blocking=False):
        raise TooManyRequests("Too many logins at the same time, try again", retry_after=COME_BACK)
    try:
        with _hashes:
            yield
    finally:
        _logins.release()
