"""Which processes of a prefork worker have died, and when their deaths are to be reported."""

from collections.abc import Collection, Iterator

LOOK_EVERY = 0.25  # seconds; a new process needs longer to open its services and take a task
REPORTED_AT = (0, 20, 120)  # looks since a death; a report is a message, which may be lost or meet an outage


class DeadProcesses:
    """Compares the processes that live with those of the look before."""

    def __init__(self, alive: Collection[int]) -> None:
        self._known = set(alive)  # pids
        self._looks: dict[int, int] = {}  # since a process's death, by its pid

    def look(self, alive: Collection[int]) -> Iterator[int]:
        """The pids whose deaths are to be reported now, also of a process that was replaced after its share of tasks."""
        self._looks.update(dict.fromkeys(sorted(self._known - set(alive)), 0))
        self._known = set(alive)
        for pid, looks in list(self._looks.items()):
            self._looks[pid] += 1
            if looks in REPORTED_AT:
                yield pid
            if looks == REPORTED_AT[-1]:
                del self._looks[pid]
