"""One name, one class: a search for its name finds one."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "app" / "client"  # stands alone: its models have the names of what they show


def test_no_two_classes_have_the_same_name():
    places = defaultdict(list)
    for path in (one for folder in ("app", "workers") for one in (ROOT / folder).rglob("*.py")):
        if not path.is_relative_to(CLIENT):
            tree = ast.parse(path.read_text())
            for name in (node.name for node in tree.body if isinstance(node, ast.ClassDef)):
                places[name].append(str(path.relative_to(ROOT)))

    assert {name: found for name, found in places.items() if len(found) > 1} == {}
