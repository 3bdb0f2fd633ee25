"""Channels as their app's members make, change and try them."""

import secrets
from typing import Any

from app.db import AGAINST_CHANGES, Session
from app.db.models.app import App
from app.db.models.audit_entry import record, with_names
from app.db.models.channel import (
    NotificationChannel,
    channels_of,
    count_channels,
    find_channel,
)
from app.db.models.webhook import Delivery, Webhook, add_delivery, deliveries_of, delivery_for, drop_webhook, give_up
from app.errors import BadParameters, Conflict, NotFound
from app.identity import encryption
from app.identity.login_limits import count_mail_to
from app.notifications.channel_type import decrypt_address, encrypt_address
from app.notifications.channels import CHANNELS
from app.notifications.composing import TEST
from app.notifications.forms import ChannelChange, ChannelRules, NewChannel, QuietHours, Spike
from app.notifications.unsubscribing import has_ended
from app.queueing.broker import PUSH, UPKEEP
from app.services import Services
from app.webhooks.secret import encrypt_secret, new_secret

MOST_PER_APP = 20
INACTIVE = "The channel is paused"
MAILED, SIGNED = "email", "webhook"  # the second: the kind whose messages have a signature


class ChannelNotFound(NotFound):
    """Unknown, or another app's."""

    code, message = "channel_not_found", "Channel not found"


class ChannelPaused(Conflict):
    """Nothing is sent to it."""

    code, message = "channel_paused", f"{INACTIVE}; make it active first"


class Unsubscribed(Conflict):
    """Who receives its mails has ended them, and only they can want them again."""

    code = "unsubscribed"
    message = (
        "Who receives mails at this address has ended them; only they can undo it, by the link in one of these mails"
    )


def create(services: Services, app: App, wanted: NewChannel) -> tuple[Webhook, NotificationChannel, str]:
    """A new channel, and the secret of a webhook, which is returned only here. Raises BadParameters or Conflict."""
    address = _checked(services, wanted.kind, wanted.address)
    secret = new_secret() if wanted.kind == SIGNED else ""
    now, key = services.now(), services.config.secret_key
    hook = Webhook(
        identifier=secrets.token_hex(12),
        app_id=app.id,
        url=CHANNELS[wanted.kind].shorten(address),
        secret=encrypt_secret(key, secret) if secret else "",
        on_job_finished=False,
        on_job_failed=False,
        on_crash_new=wanted.rules.new and not wanted.rules.environment,
        on_crash_regressed=wanted.rules.regressed,
        active=wanted.active,
        created_at=now,
    )
    with services.db.write() as session:
        session.get(App, app.id, with_for_update=AGAINST_CHANGES)  # who counts at the same time waits
        if count_channels(session, app.id) >= MOST_PER_APP:
            raise Conflict(f"An app has at most {MOST_PER_APP} channels")
        _refuse_unsubscribed(services, session, app, wanted.kind, address)
        session.add(hook)
        session.flush()
        channel = NotificationChannel(
            webhook_id=hook.id,
            kind=wanted.kind,
            name=wanted.name.strip() or CHANNELS[wanted.kind].LABEL,
            address=encrypt_address(key, address),
            time_zone=wanted.time_zone,
            summary_hour=wanted.summary_hour,
            rules_since=now.date(),
            enqueue_after=now,
            **_rules(wanted.rules),
            **_quiet(wanted.quiet_hours),
        )
        session.add(channel)
        record(session, app.id, "notification.made", hook.identifier, now)
        session.flush()
    return hook, channel, secret


def page(services: Services, app: App, limit: int, offset: int) -> list[tuple[Webhook, NotificationChannel]]:
    """The channels of an app, oldest first."""
    with services.db.read() as session:
        return channels_of(session, app.id, limit, offset)


def find(services: Services, app: App, identifier: str) -> tuple[Webhook, NotificationChannel]:
    """A channel of the app. Raises NotFound."""
    with services.db.read() as session:
        found = find_channel(session, _fit(identifier), app.id)
    if found is None:
        raise ChannelNotFound
    return found


def change(services: Services, app: App, identifier: str, wanted: ChannelChange) -> tuple[Webhook, NotificationChannel]:
    """Change what is given; being made active forgets past failures. Raises NotFound, BadParameters or Conflict."""
    given, now, address = wanted.model_fields_set, services.now(), ""
    if "address" in given:
        address = _checked(services, find(services, app, identifier)[1].kind, wanted.address)
    with services.db.write() as session:
        found = find_channel(session, _fit(identifier), app.id, lock=True)
        if found is None:
            raise ChannelNotFound
        hook, channel = found
        if "address" in given:
            if _address(services, channel).casefold() != address.casefold():
                _refuse_unsubscribed(services, session, app, channel.kind, address)
                channel.unsubscribed_at = None
            hook.url = CHANNELS[channel.kind].shorten(address)
            channel.address = encrypt_address(services.config.secret_key, address)
        if "name" in given:
            channel.name = wanted.name.strip() or CHANNELS[channel.kind].LABEL
        if "rules" in given:
            was = (channel.users_over, channel.environment)
            if (wanted.rules.users_over, wanted.rules.environment) != was:
                channel.rules_since = now.date()
            for name, value in _rules(wanted.rules).items():
                setattr(channel, name, value)
            hook.on_crash_new = wanted.rules.new and not wanted.rules.environment
            hook.on_crash_regressed = wanted.rules.regressed
        if "quiet_hours" in given:
            for name, value in _quiet(wanted.quiet_hours).items():
                setattr(channel, name, value)
        for name in {"time_zone", "summary_hour"} & given:
            setattr(channel, name, getattr(wanted, name))
        if "active" in given:
            _activate(hook, channel, is_active=wanted.active)
            if not wanted.active:
                give_up(session, INACTIVE, hook.id)
        if given:
            record(session, app.id, "notification.changed", with_names(identifier, given), now)
        session.flush()
    return hook, channel


def remove(services: Services, app: App, identifier: str) -> None:
    """Delete a channel with its deliveries. Raises NotFound."""
    with services.db.write() as session:
        found = find_channel(session, _fit(identifier), app.id, lock=True)
        if found is None:
            raise ChannelNotFound
        session.delete(found[1])
        session.flush()
        drop_webhook(session, found[0].id)
        record(session, app.id, "notification.removed", identifier, services.now())


def delivery_page(services: Services, app: App, identifier: str, limit: int, offset: int) -> list[Delivery]:
    """The deliveries of a channel, newest first. Raises NotFound."""
    hook, _ = find(services, app, identifier)
    with services.db.read() as session:
        return deliveries_of(session, hook.id, limit, offset)


def send_test(services: Services, app: App, identifier: str) -> Delivery:
    """Send a test message, one a minute at most. Raises NotFound, TooManyRequests, or Conflict while it is paused."""
    now, (hook, channel) = services.now(), find(services, app, identifier)
    if hook.active and channel.kind == MAILED:
        count_mail_to(services, _address(services, channel))
    with services.db.write() as session:
        found = find_channel(session, _fit(identifier), app.id, lock=True)
        if found is None:
            raise ChannelNotFound
        hook, _ = found
        if not hook.active:
            raise ChannelPaused
        minute = now.strftime("%Y-%m-%dT%H:%M")
        add_delivery(session, hook.id, TEST, hook.identifier, now, minute)
        delivery = delivery_for(session, hook.id, TEST, hook.identifier, minute)
    services.broker.enqueue(PUSH, str(delivery.id), UPKEEP)
    return delivery


def rules_of(hook: Webhook, channel: NotificationChannel) -> ChannelRules:
    """The rules of a channel."""
    is_spike = channel.spike_times is not None and channel.spike_at_least is not None
    return ChannelRules(
        new=hook.on_crash_new or channel.new_in_environment,
        regressed=hook.on_crash_regressed,
        spike=Spike(times=channel.spike_times or 0, at_least=channel.spike_at_least or 0) if is_spike else None,
        users_over=channel.users_over,
        summary_daily=channel.summary_daily,
        summary_weekly=channel.summary_weekly,
        environment=channel.environment,
    )


def quiet_hours_of(channel: NotificationChannel) -> QuietHours | None:
    """The quiet hours of a channel."""
    if channel.quiet_from is None or channel.quiet_until is None:
        return None
    return QuietHours(from_hour=channel.quiet_from, until_hour=channel.quiet_until)


def _checked(services: Services, kind: str, address: str) -> str:
    return CHANNELS[kind].check(services.config, address.strip())


def _refuse_unsubscribed(services: Services, session: Session, app: App, kind: str, address: str) -> None:
    if kind == MAILED and has_ended(services, session, app.id, address):
        raise Unsubscribed


def _address(services: Services, channel: NotificationChannel) -> str:
    try:
        return decrypt_address(services.config.secret_key, channel.address)
    except encryption.Unreadable:
        return ""


def _activate(hook: Webhook, channel: NotificationChannel, *, is_active: bool) -> None:
    if is_active and channel.unsubscribed_at is not None:
        raise Unsubscribed
    hook.active = is_active
    if is_active:
        hook.disabled_reason = hook.failing_since = None


def _rules(rules: ChannelRules) -> dict[str, Any]:
    return {
        "spike_times": rules.spike.times if rules.spike else None,
        "spike_at_least": rules.spike.at_least if rules.spike else None,
        "users_over": rules.users_over,
        "summary_daily": rules.summary_daily,
        "summary_weekly": rules.summary_weekly,
        "environment": rules.environment,
        "new_in_environment": rules.new and rules.environment is not None,
    }


def _quiet(hours: QuietHours | None) -> dict[str, Any]:
    if hours is not None and hours.from_hour == hours.until_hour:
        raise BadParameters("quiet_hours: they begin and end at the same hour")
    return {"quiet_from": hours and hours.from_hour, "quiet_until": hours and hours.until_hour}


def _fit(identifier: str) -> str:
    """The same if it can be an identifier; else what none has, for the database does not take every text."""
    return identifier if identifier.isascii() and identifier.isalnum() else ""
