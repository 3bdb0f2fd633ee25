"""The version of the package is that of the changelog's first section."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_version_is_that_of_the_first_section_and_a_dev_version_until_its_release():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    sections = re.findall(r"^## (\S+)(?: \((.*)\))?$", (ROOT / "docs/changelog.md").read_text(), re.MULTILINE)
    (number, when), numbers = sections[0], [tuple(map(int, number.split("."))) for number, _ in sections]

    assert version == (f"{number}.dev0" if when == "unreleased" else number)
    assert numbers == sorted(set(numbers), reverse=True)
    assert "unreleased" not in [when for _, when in sections[1:]]
