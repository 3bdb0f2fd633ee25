"""Ten thousand mutated logs over all formats: each is refused as malformed, or all its reports can be made.

The mutations are drawn from a seed, so that a failure names the one log that it is about. `make soak` draws others.
"""

import os
import random

import pytest

from tests.properties.test_parsers_never_break import NEEDLES, SAMPLES, ends_well

FORMATS = sorted({name.partition("/")[0] for name in SAMPLES})
SOAK = int(os.environ.get("CRASHQ_SOAK", "0"))
TRIED = 10_000 * (100 if SOAK else 1)
SEED = random.randrange(2**32) if SOAK else 2026


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """The log after one to six changes: bits, numbers, pieces and lines, as broken writers and attackers change them."""
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        MUTATIONS[chance.randrange(len(MUTATIONS))](changed, chance)
    return bytes(changed)


def _flip_a_bit(raw: bytearray, chance: random.Random) -> None:
    if raw:
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)


def _set_a_byte(raw: bytearray, chance: random.Random) -> None:
    if raw:
        raw[chance.randrange(len(raw))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))


def _overwrite_a_number(raw: bytearray, chance: random.Random) -> None:
    width = chance.choice((2, 4, 8))
    if len(raw) >= width:
        at = chance.randrange(len(raw) - width + 1)
        value = chance.choice((0, 1, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), chance.getrandbits(8 * width)))
        raw[at : at + width] = value.to_bytes(width, chance.choice(("little", "big")))


def _cut_out(raw: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(raw) + 1)
    del raw[at : at + chance.choice((1, 8, 64, 1_024))]


def _cut_off(raw: bytearray, chance: random.Random) -> None:
    del raw[chance.randrange(len(raw) + 1) :]


def _double(raw: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(raw) + 1)
    raw[at:at] = raw[at : at + chance.choice((1, 16, 256))] * chance.choice((1, 2, 50))


def _insert(raw: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(raw) + 1)
    raw[at:at] = chance.choice(NEEDLES)


def _move_a_line(raw: bytearray, chance: random.Random) -> None:
    lines = raw.splitlines(keepends=True)
    if len(lines) > 1:
        lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
        raw[:] = b"".join(lines)


def _splice(raw: bytearray, chance: random.Random) -> None:
    other = SAMPLES[chance.choice(sorted(SAMPLES))]
    raw[chance.randrange(len(raw) + 1) :] = other[chance.randrange(len(other) + 1) :]


MUTATIONS = (
    _flip_a_bit,
    _set_a_byte,
    _overwrite_a_number,
    _cut_out,
    _cut_off,
    _double,
    _insert,
    _move_a_line,
    _splice,
)


@pytest.mark.parametrize("name", FORMATS)
def test_every_mutated_log_of_a_format_ends_well(name):
    samples = [raw for sample, raw in sorted(SAMPLES.items()) if sample.startswith(f"{name}/")]

    for number in range(TRIED // len(FORMATS) + 1):
        chance = random.Random(f"{SEED} {name} {number}")
        raw = mutated(chance.choice(samples), chance)
        try:
            ends_well(raw)
        except Exception as error:
            error.add_note(f"mutation {number} of {name}, seed {SEED}: {raw[:2_000]!r}")
            raise
