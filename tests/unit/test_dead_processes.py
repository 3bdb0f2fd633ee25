"""Deaths of a worker's processes are reported, each three times."""

from workers.dead_processes import REPORTED_AT, DeadProcesses


def reported(dead: DeadProcesses, alive: set[int], looks: int) -> dict[int, list[int]]:
    """By pid, the looks at which its death was reported."""
    at: dict[int, list[int]] = {}
    for number in range(looks):
        for pid in dead.look(alive):
            at.setdefault(pid, []).append(number)
    return at


def test_a_process_that_dies_before_the_first_look_is_reported():
    assert list(DeadProcesses({11, 12}).look({12, 13})) == [11]


def test_a_death_is_reported_again_because_a_message_may_be_lost_and_then_no_more():
    assert reported(DeadProcesses({11, 12}), {12}, 1_000) == {11: list(REPORTED_AT)}


def test_a_process_that_was_born_later_is_reported_too():
    dead = DeadProcesses({11})

    assert list(dead.look({11, 12})) == []
    assert list(dead.look({11})) == [12]


def test_nobody_is_reported_while_all_live():
    assert reported(DeadProcesses({11, 12}), {11, 12}, 200) == {}
