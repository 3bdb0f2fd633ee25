"""Reading a log: how many MB a second and core each parser takes, beside the least that any reader does."""

from bench.measure import Outcome
from bench.reading import JSON_MB, SIZES, TEXT_MB, Reading, readings
from bench.stand import FULL, Stand

TITLE = "Reading a log, MB a second and core, by format and size"
ORDER = 0  # first, while nothing else runs


def run(stand: Stand) -> Outcome:
    """Each format's slowest sample counts, at its slowest size."""
    outcome = Outcome(notes=["Beside each: how often `splitlines()` or `json.loads` of the same bytes fits into it."])
    sizes = SIZES if stand.size.big == FULL.big else SIZES[:2]  # the largest takes minutes
    found = list(readings(sizes, rounds=stand.size.rounds))
    rounds: dict[str, list[float]] = {}
    for each in found:
        rounds[f"{each.format}/{each.sample}, {each.size:,} bytes ({each.ratio:.0f} × the least)"] = [each.speed]
    outcome.add("MB/s", rounds)
    for is_json, limit in ((False, TEXT_MB), (True, JSON_MB)):
        slowest = min((each for each in found if each.is_json == is_json), key=lambda each: each.speed)
        outcome.target(_named(slowest), slowest.speed, limit, at_most=False, unit="MB/s")
    return outcome


def _named(slowest: Reading) -> str:
    return f"slowest {'JSON' if slowest.is_json else 'text'} format, {slowest.format} at {slowest.size:,} bytes"
