"""Time for clients in tests: nobody waits."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class FakeClock:
    """Moves when somebody sleeps; remembers for how long."""

    time: float = 1_000.0
    slept: list[float] = field(default_factory=list)
    on_sleep: Callable[[float], object] = lambda _: None

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        self.on_sleep(seconds)
