"""Sends what is due for a channel: one message a crash and hour, and what quiet hours have held in one message."""

from datetime import timedelta

from app.db.models.app import App
from app.db.models.channel import NotificationChannel
from app.db.models.webhook import REGRESSED, Delivery, Webhook, due_deliveries, hold, latest_deliveries, put_off
from app.db.queries.notified_crashes import came_back_in
from app.identity import encryption
from app.notifications.channel_type import Outgoing, decrypt_address
from app.notifications.channels import CHANNELS
from app.notifications.composing import DAYS, TEST, Composer
from app.notifications.hours import quiet_until
from app.notifications.unsubscribing import unsubscribe_link
from app.services import Services
from app.webhooks.result import Result
from app.webhooks.secret import SecretUnreadable, decrypt_secret
from app.webhooks.sending import NotDelivered, Refused, Resolve

NOT_AGAIN_WITHIN = timedelta(hours=1)  # about the same crash
NEVER_HELD = (TEST, *DAYS)  # who sets the hour of a summary wants it then
MOST_AT_ONCE = 5  # messages; more that are due at once become one
MOST_SUMMED_UP = 1_000  # notifications
UNREADABLE = "The address cannot be read, for SECRET_KEY has changed; make the channel anew"


class ChannelSender:
    """Tells one channel."""

    def __init__(
        self, services: Services, webhook: Webhook, channel: NotificationChannel, app: App, resolve: Resolve
    ) -> None:
        self._services = services
        self._webhook = webhook
        self._channel = channel
        self._app = app
        self._resolve = resolve
        self._elsewhere: set[int] = set()  # deliveries about another environment

    def parcels(self, due: list[Delivery]) -> list[list[Delivery]]:
        """What is sent together. In quiet hours all but a few are put off to their end, and are one message then.

        What a crash gives reason for within an hour of a message about it waits until that is over.
        """
        channel, now = self._channel, self._services.now()
        if len(due) > MOST_AT_ONCE or any(one.held for one in due):
            with self._services.db.read() as session:
                due = due_deliveries(session, self._webhook.id, now, MOST_SUMMED_UP)
        self._elsewhere = {one.id for one in due if self._is_elsewhere(one)}
        single = [[one] for one in due if one.event in NEVER_HELD or one.id in self._elsewhere]
        others = [one for one in due if one.event not in NEVER_HELD and one.id not in self._elsewhere]
        until = quiet_until(now, channel.time_zone, channel.quiet_from, channel.quiet_until)
        if until is not None:
            with self._services.db.write() as session:
                hold(session, others, until)
            return single
        others = self._not_too_soon(others)
        if len(others) > MOST_AT_ONCE or any(one.held for one in others):
            return [*single, others]
        of_crash: dict[str, list[Delivery]] = {}
        for one in others:
            of_crash.setdefault(one.subject, []).append(one)
        return [*single, *of_crash.values()]

    def send(self, parcel: list[Delivery]) -> Result:
        """Make one attempt."""
        services, kind = self._services, CHANNELS[self._channel.kind]
        if parcel[0].id in self._elsewhere:
            return Result(None, "The crash has not come back in this environment", is_void=True)
        with services.db.read() as session:
            composer = Composer(session, self._app, self._channel, services.config.public_url)
            message = composer.message(parcel)
        if message is None:
            return Result(None, "The crash is gone", is_void=True)
        try:
            return Result.of(kind.send(self._outgoing(), message))
        except encryption.Unreadable:
            return Result(None, UNREADABLE)
        except (SecretUnreadable, Refused) as error:
            return Result(None, error.message)
        except NotDelivered as error:
            return Result(error.status, str(error))

    def _is_elsewhere(self, delivery: Delivery) -> bool:
        """Whether a crash has come back in another environment than the channel's."""
        environment = self._channel.environment
        if environment is None or delivery.event != REGRESSED:
            return False
        with self._services.db.read() as session:
            entry = int(delivery.period)
            return not came_back_in(session, self._app.id, delivery.subject, environment, entry)

    def _not_too_soon(self, due: list[Delivery]) -> list[Delivery]:
        """What may be sent now; the rest is put off."""
        since, subjects = self._services.now() - NOT_AGAIN_WITHIN, {one.subject for one in due}
        with self._services.db.read() as session:
            latest = latest_deliveries(session, self._webhook.id, subjects, since)
        if latest:
            with self._services.db.write() as session:
                for subject, delivered_at in latest.items():
                    of_crash = [one for one in due if one.subject == subject]
                    put_off(session, of_crash, delivered_at + NOT_AGAIN_WITHIN)
        return [one for one in due if one.subject not in latest]

    def _outgoing(self) -> Outgoing:
        config = self._services.config
        address = decrypt_address(config.secret_key, self._channel.address)
        is_signed = bool(self._webhook.secret)
        return Outgoing(
            config=config,
            resolve=self._resolve,
            address=address,
            secret=decrypt_secret(config.secret_key, self._webhook.secret) if is_signed else "",
            unsubscribe=unsubscribe_link(config.secret_key, config.public_url or "", self._webhook.identifier, address),
            timestamp=int(self._services.now().timestamp()),
        )
