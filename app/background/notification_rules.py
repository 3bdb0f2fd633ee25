"""Evaluates the rules of channels that no event triggers: spikes, many users, summaries. Each is decided once.

The delivery's row is the decision: it is unique by channel, rule, crash and period.
"""

from datetime import timedelta

from app.db import Session
from app.db.models.app import App
from app.db.models.channel import LEASING, NotificationChannel
from app.db.models.webhook import Webhook, add_delivery
from app.db.queries.notified_crashes import DayCounts, crashes_over, day_counts, new_crashes
from app.notifications.composing import DAILY, DAYS, NEW, SPIKE, USERS_OVER, WEEKLY
from app.notifications.hours import summary_due
from app.queueing.broker import EVALUATE_RULES, PUSH, UPKEEP
from app.services import Services
from app.work.lease import Attempt, run_next
from app.work.limits import Budget
from app.work.work_type import Message, WorkType

EVERY = timedelta(minutes=5)
PASSED_WITHIN = timedelta(days=7)  # a crash that has passed `users_over`, or was new, before is not told


def evaluate_rules(services: Services, row_id: int) -> None:
    """Evaluate the rules of a channel. Safe to call twice."""
    run_next(services, WORK, row_id)


def _evaluate(attempt: Attempt[NotificationChannel]) -> timedelta:
    services, now = attempt.services, attempt.services.now()
    with services.db.read() as session:
        hook = session.get_one(Webhook, attempt.row.webhook_id)
        due = _due_events(session, attempt.row, hook, services) if hook.active else []
    new = 0
    with services.db.write() as session:
        attempt.progress(session)
        for event, subject, period in due:
            new += add_delivery(session, hook.id, event, subject, now, period)
    if new:
        services.broker.enqueue(PUSH, "", UPKEEP)
    return EVERY


def _due_events(
    session: Session, channel: NotificationChannel, hook: Webhook, services: Services
) -> list[tuple[str, str, str]]:
    """What there is to tell, whether or not it is a delivery yet: event, subject, period."""
    now = services.now()
    today, found = now.date(), []
    if channel.spike_times is not None and channel.spike_at_least is not None:
        for counts in day_counts(session, hook.app_id, today, channel.spike_at_least, environment=channel.environment):
            if is_spike(counts, channel.spike_times):
                found.append((SPIKE, counts.identifier, today.isoformat()))
    since = max(channel.rules_since, today - PASSED_WITHIN)
    if channel.environment is not None and channel.new_in_environment:
        for identifier in new_crashes(session, hook.app_id, channel.environment, since, today):
            found.append((NEW, identifier, ""))
    if channel.users_over is not None:
        for identifier in crashes_over(session, hook.app_id, channel.users_over, since, today):
            found.append((USERS_OVER, identifier, str(channel.users_over)))
    for event, is_wanted in ((DAILY, channel.summary_daily), (WEEKLY, channel.summary_weekly)):
        due = summary_due(now, channel.time_zone, channel.summary_hour, DAYS[event]) if is_wanted else None
        if due is not None and hook.created_at <= due[0]:
            found.append((event, session.get_one(App, hook.app_id).identifier, due[1].isoformat()))
    return found


WORK = WorkType(
    name="notification_rules",
    noun="evaluation of rules",
    leasing=LEASING,
    message=lambda row: Message(EVALUATE_RULES, str(row.webhook_id), UPKEEP),
    step=_evaluate,
    budget=lambda _services, _row: Budget(seconds=120),
    max_failures=lambda _config: None,
    permanent=(),
)
"""Never complete: a channel's rules are evaluated again after a pause, and the sweep sends the task message."""


def is_spike(counts: DayCounts, times: float) -> bool:
    """True when the crash occurred today more than so many times its mean of the days before.

    The days are the seven before today, or those since the crash was first seen; without any the crash has no past.
    """
    return counts.days > 0 and counts.today > times * counts.before / counts.days
