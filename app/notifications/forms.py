"""What requests say of channels, checked: kind, address, rules, hours."""

from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from app.db.models.channel import MAX_NAME, MAX_ZONE
from app.db.models.occurrence import MAX_FACT
from app.json_models import RequestBody

MAX_ADDRESS = 2_048  # characters
ADDRESS, EXAMPLE = "A URL, or an e-mail address", "https://hooks.slack.com/services/T024BE7LD/B024BE7LH/aB3x"
HOUR = "From which on summaries are sent, in the time zone"
NOT_OF_IANA = {"localtime", "posixrules", "Factory"}  # files beside the zones: the machine's own, and no zone
Kind = Literal["email", "slack", "teams", "discord", "mattermost", "webhook"]


class Spike(RequestBody):
    """A crash occurs today more than `times` its mean of the days before, and at least `at_least` times."""

    times: float = Field(gt=1, le=1_000, examples=[3.0])
    at_least: int = Field(ge=1, le=1_000_000, examples=[20])


class ChannelRules(RequestBody):
    """Of what a channel is notified."""

    new: bool = Field(default=False, description="A crash is seen for the first time", examples=[True])
    regressed: bool = Field(default=False, description="A resolved crash has come back", examples=[True])
    spike: Spike | None = Field(default=None, description="A crash occurs more often than it did")
    users_over: int | None = Field(
        default=None, ge=1, le=1_000_000, description="A crash has met more users than this", examples=[100]
    )
    summary_daily: bool = Field(default=False, description="Every day, of the day before", examples=[False])
    summary_weekly: bool = Field(default=False, description="On Mondays, of the seven days before", examples=[True])
    environment: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_FACT,
        description="Only occurrences in this one count, such as `production`; not with `users_over`",
        examples=[None],
    )

    @field_validator("environment")
    @classmethod
    def _check_environment(cls, value: str | None) -> str | None:
        if value is not None and not (value.isprintable() and value.strip()):
            raise ValueError("it is no name of an environment, such as production")
        return value and value.strip()

    @model_validator(mode="after")
    def _check_users(self) -> Self:
        if self.environment is not None and self.users_over is not None:
            raise ValueError("a number of users is no rule of one environment: users are not counted by it")
        return self


class QuietHours(RequestBody):
    """Hours of the channel's time zone in which messages wait, from one up to another."""

    from_hour: int = Field(ge=0, le=23, examples=[22])
    until_hour: int = Field(ge=0, le=23, examples=[7])


class _ChannelSettings(RequestBody):
    @field_validator("time_zone", check_fields=False)
    @classmethod
    def _check_zone(cls, value: str) -> str:
        if value in NOT_OF_IANA or value not in available_timezones():
            raise ValueError("it is no time zone of IANA's, such as Europe/Paris")
        return str(ZoneInfo(value))

    @field_validator("name", check_fields=False)
    @classmethod
    def _check_name(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("it has characters that cannot be shown")
        return value


class NewChannel(_ChannelSettings):
    """What a channel is made from."""

    kind: Kind = Field(examples=["slack"])
    address: str = Field(min_length=1, max_length=MAX_ADDRESS, description=ADDRESS, examples=[EXAMPLE])
    name: str = Field(default="", max_length=MAX_NAME, examples=["The team's chat"])
    rules: ChannelRules
    time_zone: str = Field(default="UTC", max_length=MAX_ZONE, examples=["Europe/Paris"])
    summary_hour: int = Field(default=9, ge=0, le=23, description=HOUR, examples=[9])
    quiet_hours: QuietHours | None = None
    active: bool = True


class ChannelChange(_ChannelSettings, change=True):
    """What of it is to be changed: only what is given; `rules` replaces all rules."""

    address: str = Field(default="", min_length=1, max_length=MAX_ADDRESS, description=ADDRESS, examples=[EXAMPLE])
    name: str = Field(default="", max_length=MAX_NAME, examples=["The team's chat"])
    rules: ChannelRules = ChannelRules()
    time_zone: str = Field(default="UTC", max_length=MAX_ZONE, examples=["Europe/Paris"])
    summary_hour: int = Field(default=9, ge=0, le=23, description=HOUR, examples=[9])
    quiet_hours: QuietHours | None = None
    active: bool = True
