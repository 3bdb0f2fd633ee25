"""Writing reports: a very large one, and zips of many, by processor time."""

from bench.measure import Outcome
from bench.reports import HTML_SECONDS, REPORTS, ZIP_SECONDS, large_report, many_reports
from bench.stand import FULL, Stand

TITLE = "Writing reports, by processor time"
ORDER = 0.5  # while nothing else runs


def run(stand: Stand) -> Outcome:
    """Time the large report and the many, of which the first line is the least."""
    outcome = Outcome(notes=["Without servers, symbols and rules; the many are of logs that are unpacked and parsed."])
    number = REPORTS if stand.size.big == FULL.big else REPORTS // 20
    large, many = list(large_report()), list(many_reports(number))
    outcome.add("s", {each.what: [each.seconds] for each in large})
    outcome.add("reports/s", {each.what: [number / each.seconds] for each in many})
    for each, limit in zip(large, (HTML_SECONDS, ZIP_SECONDS), strict=True):
        outcome.target(each.what, each.seconds, limit, unit="s")
    return outcome
