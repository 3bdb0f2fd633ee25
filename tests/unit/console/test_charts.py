"""Charts: what a reader sees, hears and points at."""

import re
import xml.etree.ElementTree as ET
from datetime import date

import pytest

from app.web.console.charts import BOTTOM, HEIGHT, TOP, histogram, sparkline

DAY = date(2018, 9, 10)


def drawn(markup: str) -> ET.Element:
    return ET.fromstring(markup)  # noqa: S314  our own


def bars(chart: ET.Element) -> list[float]:
    """Heights in pixels."""
    return [float(bar.get("height", "")) for bar in chart.iter("rect") if bar.get("class") == "bar"]


def test_each_day_tells_itself_to_the_pointer_and_to_the_script():
    days = drawn(histogram(DAY, [0, 1_200, 7])).findall("g")

    assert [day.findtext("title") for day in days] == ["2018-09-10: 0", "2018-09-11: 1,200", "2018-09-12: 7"]
    assert [(day.get("data-date"), day.get("data-count")) for day in days] == [
        ("2018-09-10", "0"), ("2018-09-11", "1200"), ("2018-09-12", "7")
    ]  # fmt: skip


def test_bars_are_as_high_as_their_numbers_and_the_highest_reaches_no_further_than_the_plot():
    heights = bars(drawn(histogram(DAY, [0, 10, 5, 1])))

    assert heights[0] == 0
    assert heights[1] == HEIGHT - TOP - BOTTOM
    assert heights[2] == pytest.approx(heights[1] / 2, abs=0.1)


def test_one_among_thousands_is_still_seen():
    assert bars(drawn(histogram(DAY, [1, 100_000])))[0] >= 1


def test_the_axis_names_a_round_number_above_all_bars():
    texts = [text.text for text in drawn(histogram(DAY, [13, 3])).iter("text") if text.get("class") == "value"]

    assert texts == ["0", "10", "20"]


@pytest.mark.parametrize(("number", "named"), [(1, 1), (2, 2), (13, 2), (30, 4), (90, 5), (1_100, 5)])
def test_few_enough_days_are_named_to_stay_apart_the_first_and_the_last_among_them(number, named):
    labels = [text.text for text in drawn(histogram(DAY, [1] * number)).iter("text") if text.get("class") == "when"]

    assert len(labels) == named
    assert labels[0] == "2018-09-10"


def test_days_stand_side_by_side_within_the_width():
    reaches = [rect for rect in drawn(histogram(DAY, [1] * 90)).iter("rect") if rect.get("class") == "reach"]
    ends = [float(one.get("x", "")[:-1]) + float(one.get("width", "")[:-1]) for one in reaches]

    assert all(one.get("x", "").endswith("%") for one in reaches)
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(100, abs=0.2)


@pytest.mark.parametrize("chart", [histogram, sparkline])
def test_a_screen_reader_is_told_what_the_picture_shows(chart):
    picture = drawn(chart(DAY, [2, 9, 0]))

    assert picture.get("role") == "img"
    assert (
        picture.get("aria-label")
        == "Occurrences per day from 2018-09-10 to 2018-09-12: 11 in all, most on 2018-09-11: 9"
    )


@pytest.mark.parametrize("chart", [histogram, sparkline])
@pytest.mark.parametrize(("counts", "said"), [([], "no day"), ([0, 0], "to 2018-09-11: none"), ([5], "5 in all")])
def test_nothing_at_all_and_a_single_day_are_drawn_too(chart, counts, said):
    assert said in drawn(chart(DAY, counts)).get("aria-label", "")


@pytest.mark.parametrize("chart", [histogram, sparkline])
def test_nothing_in_it_needs_what_a_strict_policy_forbids(chart):
    markup = chart(DAY, [1, 2, 3])

    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|href=", markup)


@pytest.mark.parametrize("chart", [histogram, sparkline])
def test_what_is_counted_is_quoted(chart):
    markup = chart(DAY, [1], what='"><script>')

    assert "<script>" not in markup
    assert drawn(markup).get("aria-label", "").startswith('"><script> per day')


def test_a_sparkline_stays_within_its_box():
    points = drawn(sparkline(DAY, [0, 50, 100, 3]))[1].get("points", "").split()
    places = [tuple(map(float, point.split(","))) for point in points]

    assert [x for x, _ in places] == [0, 40, 80, 120]
    assert all(1 <= y <= 23 for _, y in places)
    assert min(y for _, y in places) == places[2][1]
