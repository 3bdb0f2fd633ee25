"""`crashq up` and the signals that end it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from app.cli.processes import Processes
from app.cli.up import ENDING, Running, end_by_signals, stay


@pytest.fixture
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class WithDestructors(Processes):
    """Parts whose tending runs a destructor just as a signal arrives."""

    looks = 0

    def tend(self) -> list[str]:
        self.looks += 1
        assert self.looks == 1, "it goes on after the signal"
        interrupted = Interrupted()
        del interrupted
        return []


class Interrupted:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("handlers_as_before")
def test_a_signal_that_arrives_in_a_destructor_ends_the_service_too(tmp_path: Path):
    ending = end_by_signals()
    processes = WithDestructors(tmp_path)

    stay(Running("http://127.0.0.1:1", processes), tmp_path, Console(quiet=True), ending)

    assert processes.looks == 1


@pytest.mark.usefixtures("handlers_as_before")
def test_only_the_first_signal_interrupts_so_that_a_second_one_leaves_nothing_half_stopped():
    end_by_signals()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
