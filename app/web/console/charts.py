"""Charts as SVG that take their colours and their width from the page's style sheet: nothing inline, no script."""

from collections.abc import Sequence
from datetime import date, timedelta

from markupsafe import Markup

HEIGHT = 160  # pixels of a histogram, of which
TOP, BOTTOM = 14, 20  # are above the highest bar and below the axis, for its labels
SPARK_WIDTH, SPARK_HEIGHT = 120, 24
MOST_LABELS = 5  # days named below a histogram: they stay apart on a screen of 360 pixels
BAR_SHARE = 0.8  # of a day's width


def histogram(first_day: date, counts: Sequence[int], what: str = "Occurrences") -> Markup:
    """Bars of numbers per day, oldest first; each day is a `<g class="day" data-date data-count>` that tells itself on hover.

    The width is that of what it stands in: positions along the axis are per cent. Without a day there is only the frame.
    """
    top = _nice(max(counts, default=0))
    plot = HEIGHT - TOP - BOTTOM
    lines = [_line(value, HEIGHT - BOTTOM - round(plot * value / top)) for value in _ticks(top)]
    days = [_day(first_day, counts, at, plot / top) for at in range(len(counts))]
    labels = [_label(first_day, at, len(counts)) for at in _named(len(counts))]
    last_day = first_day + timedelta(days=max(len(counts) - 1, 0))
    return Markup(
        '<svg class="histogram" role="img" aria-label="{}" width="100%" height="{}" '
        'data-first-day="{}" data-last-day="{}">{}</svg>'
    ).format(_summary(first_day, counts, what), HEIGHT, first_day, last_day, Markup("").join([*lines, *days, *labels]))


def sparkline(first_day: date, counts: Sequence[int], what: str = "Occurrences") -> Markup:
    """A line of numbers per day with the area below it, small enough for a row of a table."""
    most, last = max(counts, default=0) or 1, max(len(counts) - 1, 1)
    high = SPARK_HEIGHT - 2
    points = [
        f"{SPARK_WIDTH * at / last:.1f},{SPARK_HEIGHT - 1 - high * count / most:.1f}" for at, count in enumerate(counts)
    ]
    line = " ".join(points)
    area = f"0,{SPARK_HEIGHT} {line} {SPARK_WIDTH},{SPARK_HEIGHT}" if points else ""
    return Markup(
        '<svg class="sparkline" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">'
        '<polygon class="area" points="{}"/><polyline class="line" points="{}"/></svg>'
    ).format(
        _summary(first_day, counts, what), SPARK_WIDTH, SPARK_HEIGHT, SPARK_WIDTH, SPARK_HEIGHT, area, line
    )  # fmt: skip


def _summary(first_day: date, counts: Sequence[int], what: str) -> str:
    if not counts:
        return f"{what} per day: no day"
    last_day = first_day + timedelta(days=len(counts) - 1)
    head = f"{what} per day from {first_day} to {last_day}"
    most = max(counts)
    if not most:
        return f"{head}: none"
    day = first_day + timedelta(days=list(counts).index(most))
    return f"{head}: {sum(counts):,} in all, most on {day}: {most:,}"


def _day(first_day: date, counts: Sequence[int], at: int, scale: float) -> Markup:
    day, count, width = first_day + timedelta(days=at), counts[at], 100 / len(counts)
    height = max(round(count * scale, 1), 1) if count else 0  # one among thousands is seen too
    reach = _rect("reach", at * width, TOP, width, HEIGHT - TOP - BOTTOM)
    bar = _rect("bar", (at + (1 - BAR_SHARE) / 2) * width, HEIGHT - BOTTOM - height, width * BAR_SHARE, height)
    return Markup('<g class="day" data-date="{}" data-count="{}"><title>{}: {}</title>{}{}</g>').format(
        day, count, day, f"{count:,}", reach, bar
    )


def _rect(name: str, x: float, y: float, width: float, height: float) -> Markup:
    """Across in per cent, down in pixels."""
    return Markup('<rect class="{}" x="{}%" y="{}" width="{}%" height="{}"/>').format(
        name, _number(x), _number(y), _number(width), _number(height)
    )


def _line(value: int, y: int) -> Markup:
    return Markup(
        '<line class="grid" x1="0" x2="100%" y1="{}" y2="{}"/><text class="value" x="0" y="{}">{}</text>'
    ).format(y, y, y - 3, f"{value:,}")


def _label(first_day: date, at: int, number: int) -> Markup:
    anchor = "start" if at == 0 else "end" if at == number - 1 else "middle"
    place = {"start": 0.0, "end": 100.0, "middle": (at + 0.5) * 100 / number}[anchor]
    return Markup('<text class="when" x="{}%" y="{}" text-anchor="{}">{}</text>').format(
        _number(place), HEIGHT - 5, anchor, first_day + timedelta(days=at)
    )


def _named(number: int) -> list[int]:
    """Which of the days are named: the first, the last and some evenly between."""
    if number <= 1:
        return list(range(number))
    labels = min(MOST_LABELS, max(number // 7, 2))
    return sorted({round(step * (number - 1) / (labels - 1)) for step in range(labels)})


def _ticks(top: int) -> list[int]:
    return [0, top // 2, top] if top % 2 == 0 else [0, top]


def _nice(most: int) -> int:
    """The least of 1, 2, 4, 6, 8, 10, 20, 40, 60 … that no bar goes beyond."""
    if most <= 1:
        return 1
    power = 1
    while True:
        for step in (2, 4, 6, 8, 10):
            if step * power >= most:
                return step * power
        power *= 10


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
