"""What a case gives: series of one figure per round, and the targets held against their medians."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Series:
    """One figure of one contestant, once per round."""

    what: str
    unit: str
    values: list[float]

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.values)


@dataclass(frozen=True)
class Target:
    """A figure that the project has set out to reach."""

    what: str
    value: float
    limit: float
    at_most: bool = True
    unit: str = "×"

    @property
    def is_met(self) -> bool:
        """True when the value is on the right side of its limit."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


@dataclass
class Outcome:
    """What one case found."""

    series: list[Series] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, unit: str, rounds: Mapping[str, list[float]]) -> dict[str, float]:
        """Keep the rounds of several contestants; returns their medians by name."""
        made = {name: Series(name, unit, values) for name, values in rounds.items()}
        self.series.extend(made.values())
        return {name: series.median for name, series in made.items()}

    def target(self, what: str, value: float, limit: float, *, at_most: bool = True, unit: str = "×") -> None:
        """Hold a figure against its target."""
        self.targets.append(Target(what, value, limit, at_most, unit))


def interleaved(rounds: int, contestants: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Round 1: A, B, C; round 2: A, B, C … so that what drifts on the machine drifts for all alike."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, once in contestants.items():
            found[name].append(once())
    return found


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
