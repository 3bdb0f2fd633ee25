"""What results tell of one release, for openapi.json."""

from pydantic import Field

from app.json_models import Day, ResponseBody, Time

_RATE = "Share without a crash, from 0 to 1, cut to 5 digits; null without sessions"


class EnvironmentBody(ResponseBody):
    """A release in one environment."""

    environment: str | None = Field(examples=["production"], description="null: not told")
    occurrences: int
    sessions: int = Field(examples=[4_800])
    crash_free_sessions: float | None = Field(examples=[0.99875], description=_RATE)
    crash_free_users: float | None = Field(examples=[0.9975], description=_RATE)


class ReleaseFigures(ResponseBody):
    """A version of the app in some days."""

    version: str | None = Field(examples=["2.4.0"], description="null: not told")
    first_seen: Day | None = Field(examples=["2018-09-11"], description="Of occurrences and sessions, ever")
    last_seen: Day | None = Field(examples=["2018-09-13"])
    declared_at: Time | None = Field(examples=["2018-09-10T17:00:00Z"], description="When a build tool declared it")
    released_at: Time | None = Field(examples=[None])
    occurrences: int
    users: int | None = Field(
        examples=[2], description="Who met a crash, as far as logs name them; null: too many to count by environment"
    )
    crashes: int = Field(examples=[2], description="That occurred in it in these days")
    new_crashes: int = Field(examples=[1], description="That were first seen in it, ever")
    regressed_crashes: int = Field(examples=[0], description="That came back in it after they had been resolved, ever")
    sessions: int = Field(examples=[5_000])
    errored_sessions: int = Field(examples=[40], description="With an error; crashed and abnormal ones are among them")
    crashed_sessions: int = Field(examples=[6])
    abnormal_sessions: int = Field(examples=[1])
    session_users: int = Field(examples=[1_200], description="Exact up to some 3,000, then within about 0.5 %")
    crashed_users: int = Field(examples=[3])
    crash_free_sessions: float | None = Field(examples=[0.9988], description=_RATE)
    crash_free_users: float | None = Field(examples=[0.9975], description=_RATE)
    adoption_2_days: float | None = Field(
        examples=[0.61], description="Share of the app's sessions, of the last two days; null without sessions"
    )
    adoption_7_days: float | None = Field(examples=[0.42], description="Of the last seven days")
    environments: list[EnvironmentBody] = Field(description="Those with the most sessions first")
    occurrences_per_day: list[int] = Field(description="Of every day, oldest first")
    sessions_per_day: list[int] = Field(examples=[[1_500, 1_700, 1_800]])
    crashed_sessions_per_day: list[int] = Field(examples=[[3, 2, 1]])
