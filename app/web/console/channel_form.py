"""The form of a channel: check boxes with numbers, to and from what the API takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from app.db.models.channel import NotificationChannel
from app.db.models.webhook import Webhook
from app.notifications.forms import ChannelRules
from app.notifications.settings import rules_of

RULES = {
    "new": "A crash is seen for the first time",
    "regressed": "A resolved crash has come back",
    "summary_daily": "Every day: a summary of the day before",
    "summary_weekly": "On Mondays: a summary of the seven days before",
}
"""Rules without numbers -> what they say."""


@dataclass(frozen=True)
class ChannelForm:
    """What the fields of a form hold, as text; check boxes as true or false."""

    kind: str = "slack"
    address: str = ""
    name: str = ""
    checked: frozenset[str] = frozenset({"new", "regressed"})  # of RULES, and `spike`, `users_over`, `quiet_hours`
    times: str = "3"
    at_least: str = "20"
    users: str = "100"
    environment: str = ""
    time_zone: str = "UTC"
    summary_hour: str = "9"
    from_hour: str = "22"
    until_hour: str = "7"

    @classmethod
    def of(cls, hook: Webhook, channel: NotificationChannel) -> Self:
        """The form of a channel; its address is not shown."""
        rules = rules_of(hook, channel)
        checked = {name for name in (*RULES, "spike", "users_over") if getattr(rules, name)}
        checked |= {"quiet_hours"} if channel.quiet_from is not None else set()
        numbers: dict[str, Any] = {
            "times": rules.spike and f"{rules.spike.times:g}",
            "at_least": rules.spike and rules.spike.at_least,
            "users": rules.users_over,
            "from_hour": channel.quiet_from,
            "until_hour": channel.quiet_until,
            "summary_hour": channel.summary_hour,
        }
        known = {name: str(number) for name, number in numbers.items() if number is not None}
        texts = {"environment": channel.environment or "", "time_zone": channel.time_zone}
        return cls(channel.kind, "", channel.name, frozenset(checked), **texts, **known)

    def new(self) -> dict[str, Any]:
        """The fields of NewChannel."""
        return {**self._common(), "kind": self.kind, "address": self.address}

    def change(self) -> dict[str, Any]:
        """The fields of ChannelChange."""
        return self._common() | ({"address": self.address} if self.address else {})

    def _common(self) -> dict[str, Any]:
        rules: dict[str, Any] = {name: name in self.checked for name in RULES}
        if "spike" in self.checked:
            rules["spike"] = {"times": _number(self.times), "at_least": _number(self.at_least)}
        if "users_over" in self.checked:
            rules["users_over"] = _number(self.users)
        rules["environment"] = self.environment or None
        quiet = {"from_hour": _number(self.from_hour), "until_hour": _number(self.until_hour)}
        return {
            "name": self.name,
            "rules": rules,
            "time_zone": self.time_zone,
            "summary_hour": _number(self.summary_hour),
            "quiet_hours": quiet if "quiet_hours" in self.checked else None,
        }


FIRST = ChannelForm()
"""What the form for a new channel begins with."""
TEXTS = (
    "kind",
    "address",
    "name",
    "times",
    "at_least",
    "users",
    "environment",
    "time_zone",
    "summary_hour",
    "from_hour",
    "until_hour",
)


def read_form(form: Mapping[str, str]) -> ChannelForm:
    """What a browser has sent; a field that is left out has its first value."""
    texts = {name: form[name].strip() for name in TEXTS if name in form}
    checked = frozenset(name for name in (*RULES, "spike", "users_over", "quiet_hours") if name in form)
    return ChannelForm(checked=checked, **texts)


def rule_words(rules: ChannelRules) -> list[str]:
    """The rules in a word or two each."""
    words: list[tuple[str, object]] = [
        ("new", rules.new),
        ("regressed", rules.regressed),
        ("spike", rules.spike),
        ("daily summary", rules.summary_daily),
        ("weekly summary", rules.summary_weekly),
        (f"over {rules.users_over or 0:,} users", rules.users_over),
        (f"in {rules.environment}", rules.environment),
    ]
    return [word for word, is_on in words if is_on]


def _number(text: str) -> object:
    """The number, or the text, which the models refuse beside its field."""
    if text.isascii() and text.isdigit() and len(text) < 12:
        return int(text)
    whole, point, rest = text.partition(".")
    is_decimal = point and text.isascii() and whole.isdigit() and rest.isdigit() and len(text) < 12
    return float(text) if is_decimal else text
