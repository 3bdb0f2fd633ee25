"""Figures of releases: what crashes and sessions tell of each version of an app in some days."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cmp_to_key
from itertools import groupby
from typing import Any, NamedTuple

from app.crashes.version_order import compare, newest_first
from app.db import Session
from app.db.models.crash_figure import KNOWN
from app.db.models.declared_release import declared_releases
from app.db.models.session_day import OTHERS
from app.db.queries.releases import (
    CrashInVersion,
    ReleaseScope,
    crashes_in_versions,
    environments_of_versions,
    first_and_last_session,
    occurrences_by_day,
    regressions,
    session_counts,
    session_users,
    users_in_environment,
    users_of_versions,
)
from app.iso_time import rfc3339
from app.parsers.sentry_contexts import release_parts
from app.sketches import Distinct

MOST_DECLARED = 1_000  # releases that tools have declared, the newest
ADOPTION_DAYS = (2, 7)  # up to the last day
PRECISION = 100_000  # rates are cut, not rounded: one crash in a million sessions is not "free of crashes"


class DeclaredVersion(NamedTuple):
    """What build tools have said of a version."""

    created_at: datetime
    released_at: datetime | None


@dataclass
class SessionSums:
    """Sessions that are counted together."""

    sessions: int = 0
    errored: int = 0
    crashed: int = 0
    abnormal: int = 0
    users: Distinct = field(default_factory=Distinct)
    crashed_users: Distinct = field(default_factory=Distinct)

    def to_json(self) -> dict[str, Any]:
        """Counts and rates."""
        users, crashed_users = self.users.number, self.crashed_users.number
        return {
            "sessions": self.sessions,
            "errored_sessions": self.errored,
            "crashed_sessions": self.crashed,
            "abnormal_sessions": self.abnormal,
            "session_users": users,
            "crashed_users": crashed_users,
            "crash_free_sessions": free_of(self.crashed, self.sessions),
            "crash_free_users": free_of(crashed_users, users),
        }


@dataclass
class VersionFacts:
    """What is known of a version."""

    first_day: date | None = None
    last_day: date | None = None
    occurrences: int = 0
    crashes: int = 0  # of these days
    new: list[int] = field(default_factory=list)  # row ids of crashes that were first seen in it, ever
    regressed: list[int] = field(default_factory=list)  # of those that came back in it, ever
    sessions_per_day: dict[date, list[int]] = field(default_factory=dict)  # sessions, crashed
    declared: DeclaredVersion | None = None
    by_crash: dict[int, int] = field(default_factory=dict)  # crash -> occurrences, where it was asked for

    def seen(self, first: date, last: date) -> None:
        """It was seen on these days."""
        self.first_day = min(first, self.first_day or first)
        self.last_day = max(last, self.last_day or last)


class Releases:
    """The versions of an app that had occurrences or sessions in some days, or were declared in them."""

    def __init__(self, session: Session, scope: ReleaseScope, with_crashes: Sequence[str] = ()) -> None:
        """Read them; of the versions `with_crashes` also how many occurrences each crash has."""
        self._session, self.scope, self._with_crashes = session, scope, with_crashes
        self.found: dict[str, VersionFacts] = defaultdict(VersionFacts)
        self._sums: dict[tuple[str, str | None], SessionSums] = defaultdict(SessionSums)
        for _, rows in groupby(crashes_in_versions(session, scope), key=lambda row: row.crash_id):
            self._add_crash(list(rows))
        for version, crash_id in regressions(session, scope.app_id):
            self.found[KNOWN + version if version else ""].regressed.append(crash_id)
        self._add_sessions()
        self._add_declared()
        self.other_sessions = self._sums[OTHERS, None].sessions
        self.sessions = sum(sums.sessions for (_, environment), sums in self._sums.items() if environment is None)
        self.found.pop(OTHERS, None)

    @property
    def days(self) -> list[date]:
        """The days of the scope, oldest first."""
        number = (self.scope.last_day - self.scope.first_day).days + 1
        return [self.scope.first_day + timedelta(days=at) for at in range(number)]

    def in_order(self) -> list[str]:
        """The versions by their own order, newest first; what sorts with nothing by the day it was first seen, behind."""
        versions = [version for version, facts in self.found.items() if self._is_of_days(facts)]
        versions.sort(key=lambda version: (self.found[version].first_day or date.min, version), reverse=True)
        names = {version.removeprefix(KNOWN): version for version in versions if version}
        return [names[name] for name in newest_first(names)] + [version for version in versions if not version]

    def figures(self, versions: Sequence[str]) -> list[dict[str, Any]]:
        """The figures of these versions, as JSON."""
        users = self._users(versions)
        per_day: dict[str, dict[date, int]] = defaultdict(dict)
        for version, day, number in occurrences_by_day(self._session, self.scope, versions):
            per_day[version][day] = number
        environments: dict[str, dict[str, int]] = defaultdict(dict)
        if self.scope.environment is None:
            for version, environment, number in environments_of_versions(self._session, self.scope, versions):
                environments[version][environment] = number
        for version, environment, some, crashed in session_users(self._session, self.scope, versions):
            for key in ((version, None), (version, environment)):
                self._sums[key].users.add(some)
                self._sums[key].crashed_users.add(crashed)
        return [
            self._one(
                version, None if users is None else users.get(version, 0), per_day[version], environments[version]
            )
            for version in versions
        ]

    def _users(self, versions: Sequence[str]) -> dict[str, int] | None:
        """By version the users; None: not known."""
        environment = shown(self.scope.environment or "")
        if environment is None:
            return users_of_versions(self._session, self.scope, versions)
        return users_in_environment(self._session, self.scope, environment)

    def _one(
        self, version: str, users: int | None, per_day: dict[date, int], environments: dict[str, int]
    ) -> dict[str, Any]:
        facts = self.found[version]
        sessions = facts.sessions_per_day
        return {
            "version": shown(version),
            "first_seen": facts.first_day and facts.first_day.isoformat(),
            "last_seen": facts.last_day and facts.last_day.isoformat(),
            "declared_at": facts.declared and rfc3339(facts.declared.created_at),
            "released_at": facts.declared and facts.declared.released_at and rfc3339(facts.declared.released_at),
            "occurrences": facts.occurrences,
            "users": users,
            "crashes": facts.crashes,
            "new_crashes": len(facts.new),
            "regressed_crashes": len(facts.regressed),
            **self._sums[version, None].to_json(),
            **{f"adoption_{days}_days": self._adoption(version, days) for days in ADOPTION_DAYS},
            "environments": self._environments(version, environments),
            "occurrences_per_day": [per_day.get(day, 0) for day in self.days],
            "sessions_per_day": [sessions.get(day, [0, 0])[0] for day in self.days],
            "crashed_sessions_per_day": [sessions.get(day, [0, 0])[1] for day in self.days],
        }

    def _environments(self, version: str, occurrences: dict[str, int]) -> list[dict[str, Any]]:
        named = {environment for of, environment in self._sums if of == version and environment is not None}
        found = []
        for environment in sorted(named | set(occurrences)):
            told = self._sums[version, environment].to_json()
            counts = {name: told[name] for name in ("sessions", "crash_free_sessions", "crash_free_users")}
            found.append({"environment": shown(environment), "occurrences": occurrences.get(environment, 0), **counts})
        return sorted(found, key=lambda one: (-one["sessions"], -one["occurrences"]))

    def _adoption(self, version: str, days: int) -> float | None:
        since = self.scope.last_day - timedelta(days=days - 1)
        mine = self._sessions_since(self.found[version], since)
        everyone = sum(self._sessions_since(facts, since) for facts in self.found.values()) + self._others_since(since)
        return int(mine * PRECISION / everyone) / PRECISION if everyone else None

    def _sessions_since(self, facts: VersionFacts, since: date) -> int:
        return sum(counts[0] for day, counts in facts.sessions_per_day.items() if day >= since)

    def _others_since(self, since: date) -> int:
        return sum(number for day, number in self._other_days.items() if day >= since)

    def _add_crash(self, rows: list[CrashInVersion]) -> None:
        for row in rows:
            facts = self.found[row.version]
            facts.seen(row.first_day, row.last_day)
            facts.occurrences += row.occurrences
            facts.crashes += row.occurrences > 0
            if row.occurrences and row.version in self._with_crashes:
                facts.by_crash[row.crash_id] = row.occurrences
        known = [row for row in rows if row.version] or rows
        first_day = min(row.first_day for row in known)
        first = oldest(row.version for row in known if row.first_day == first_day)
        self.found[first].new.append(rows[0].crash_id)

    def _add_sessions(self) -> None:
        self._other_days: dict[date, int] = defaultdict(int)
        for row in session_counts(self._session, self.scope):
            for key in ((row.version, None), (row.version, row.environment)):
                sums = self._sums[key]
                sums.sessions += row.sessions
                sums.errored += row.errored
                sums.crashed += row.crashed
                sums.abnormal += row.abnormal
            if row.version == OTHERS:
                self._other_days[row.day] += row.sessions
                continue
            counts = self.found[row.version].sessions_per_day.setdefault(row.day, [0, 0])
            counts[0] += row.sessions
            counts[1] += row.crashed
        for version, (first, last) in first_and_last_session(self._session, self.scope).items():
            if version in self.found:
                self.found[version].seen(first, last)

    def _add_declared(self) -> None:
        for release in declared_releases(self._session, [self.scope.app_id], MOST_DECLARED):
            version = KNOWN + (release_parts(release.version)[1] or release.version)
            had = self.found[version].declared
            created_at = min(release.created_at, had.created_at if had else release.created_at)
            released_at = release.released_at or (had and had.released_at)
            self.found[version].declared = DeclaredVersion(created_at, released_at)

    def _is_of_days(self, facts: VersionFacts) -> bool:
        if facts.occurrences or facts.sessions_per_day:
            return True
        days = (facts.declared.created_at, facts.declared.released_at) if facts.declared else ()
        return any(day and self.scope.first_day <= day.date() <= self.scope.last_day for day in days)


def shown(value: str) -> str | None:
    """A version or environment as clients write it; None: not known."""
    return value.removeprefix(KNOWN) if value else None


def free_of(bad: int, total: int) -> float | None:
    """The share of all that is not bad; None of nothing."""
    return int(max(total - bad, 0) * PRECISION / total) / PRECISION if total else None


def oldest(versions: Iterable[str]) -> str:
    """The oldest of some versions, as figures have them."""
    by_order: Callable[[str, str], int] = lambda one, other: compare(shown(one) or "", shown(other) or "") or 0  # noqa: E731
    return min(sorted(versions), key=cmp_to_key(by_order))
