"""`python -m bench`: start everything, measure, write RESULTS.md, stop everything."""

import argparse
import signal
import sys
import time
from dataclasses import replace
from types import FrameType

from bench import report
from bench.cases import cases
from bench.measure import Outcome
from bench.stand import FULL, NORMAL, QUICK, say, stand


def main() -> None:
    """Run the cases that the command line names, one after the other; a case that fails does not keep the others."""
    found_cases = cases()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in less than two minutes, with fewer rows and rounds")
    parser.add_argument("--full", action="store_true", help="a list of ten million rows too")
    parser.add_argument("--only", metavar="CASE", action="append", choices=list(found_cases), help="may be repeated")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--small", type=int, metavar="N", help="crashes of ten rows to seed")
    chosen = parser.parse_args()
    mode = "quick" if chosen.quick else "full" if chosen.full else "normal"
    size = {"quick": QUICK, "full": FULL, "normal": NORMAL}[mode]
    size = replace(size, rounds=chosen.rounds or size.rounds, small=chosen.small or size.small)
    names = [name for name in found_cases if not chosen.only or name in chosen.only]
    signal.signal(signal.SIGTERM, _stop)
    outcomes: dict[str, Outcome] = {}
    failed: list[str] = []
    begun = time.monotonic()
    with stand(size) as made:
        for name in names:
            say(found_cases[name].TITLE)
            try:
                outcomes[name] = found_cases[name].run(made)
            except Exception as error:  # what went wrong is printed; the figures of the others are worth having
                failed.append(name)
                say(f"  failed: {type(error).__name__}: {error}")
                continue
            for series in outcomes[name].series:
                say(f"  {series.what}: {report.figure(series.median)} {series.unit}")
            for target in outcomes[name].targets:
                say(f"  target: {target.what}: {report.figure(target.value)} {'met' if target.is_met else 'NOT MET'}")
        titles = {name: case.TITLE for name, case in found_cases.items()}
        say(f"wrote {report.write(made, titles, outcomes, mode)} after {time.monotonic() - begun:.0f} s")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit("stopped")


if __name__ == "__main__":
    main()
