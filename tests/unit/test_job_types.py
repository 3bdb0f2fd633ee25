"""Job types are found by listing their folder; each declares only what it uses."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from app.db.hot.short_list import ShortList
from app.jobs import JOB_TYPES, SHORT_LIST, BadJobType, discover, only_short_list
from app.jobs.job_type import JobType, all_occurrences

ONE = '''
"""A job type in one file, with no more than it needs."""
from pydantic import BaseModel
from app.jobs.job_type import Body

PATH = "/crashes/<crash_identifier>/letters"
UNIT, SUMMARY, RESULT = "letters", "Letters", str

class Params(BaseModel, frozen=True):
    crash_identifier: str

def read(crash_identifier, query): return Params(crash_identifier=crash_identifier)
def current_revision(about): return 0
def compute(params, run): raise NotImplementedError
def present(job, showing): return Body.of(b"null")
'''
WITH_SHORT_LIST = """
from app.db.hot.short_list import ShortList
SHORT_LIST = ShortList("NAME", "{}", "letters.json", "application/json")
"""
SEVERAL = """
import sys
from tests_job_types import letters
JOB_TYPES = {"many_letters": letters, "few_letters": letters}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Makes a package of job types from (module name, source)."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**modules: str) -> ModuleType:
        package = tmp_path / "tests_job_types"
        package.mkdir()
        (package / "__init__.py").touch()
        for name, source in modules.items():
            Path(package / f"{name}.py").write_text(source)
        return importlib.import_module("tests_job_types")

    yield make
    for name in [name for name in sys.modules if name.startswith("tests_job_types")]:
        del sys.modules[name]


def test_a_job_type_is_one_file_that_declares_only_what_it_uses(folder):
    [(name, found)] = discover(folder(letters=ONE)).items()

    assert (name, found.PATH, found.METHOD) == ("letters", "/crashes/<crash_identifier>/letters", "GET")
    assert (found.SHORT_LIST, found.counts_occurrences, found.QUERY, found.BODY) == (None, True, None, None)
    assert (found.make_part, found.sum_up, found.expect) == (None, None, all_occurrences)


def test_a_module_may_offer_several_job_types(folder):
    assert list(discover(folder(letters=ONE, more=SEVERAL))) == ["few_letters", "letters", "many_letters"]


def test_two_job_types_of_one_name_are_refused(folder):
    clash = SEVERAL.replace("few_letters", "letters")

    with pytest.raises(BadJobType, match="Two job types are called letters"):
        discover(folder(letters=ONE, more=clash))


def test_what_a_job_type_does_not_declare_and_has_to_is_named(folder):
    with pytest.raises(BadJobType, match="Job type letters declares no compute, current_revision"):
        discover(
            folder(
                letters=ONE.replace("def compute", "def _compute").replace(
                    "def current_revision", "def _current_revision"
                )
            )
        )


def test_a_path_that_names_nothing_a_job_can_be_about_is_refused(folder):
    with pytest.raises(BadJobType, match="no variable of crash_identifier, app_identifier: /letters/<word>"):
        discover(folder(letters=ONE.replace("/crashes/<crash_identifier>/letters", "/letters/<word>")))


def test_half_of_what_making_parts_takes_is_refused(folder):
    with pytest.raises(BadJobType, match="Job type letters declares only one of make_part and sum_up"):
        discover(folder(letters=ONE + "def make_part(params, plan, part, run, name): ...\n"))


def test_a_second_short_list_is_refused_and_not_ignored(folder):
    declared = ONE + WITH_SHORT_LIST
    types = discover(folder(letters=declared.replace("NAME", "letters"), words=declared.replace("NAME", "words")))

    with pytest.raises(BadJobType, match="Only one job type can have a SHORT_LIST, not letters and words"):
        only_short_list(types)


def test_a_short_list_for_jobs_of_another_type_is_refused(folder):
    declared = ONE + WITH_SHORT_LIST.replace("NAME", "words")

    with pytest.raises(BadJobType, match="The SHORT_LIST of letters answers jobs of words"):
        only_short_list(discover(folder(letters=declared)))


def test_no_job_type_needs_to_have_a_short_list(folder):
    assert only_short_list(discover(folder(letters=ONE))) is None


def test_the_product_offers_these_job_types():
    assert list(JOB_TYPES) == [
        "app_batch",
        "app_statistics",
        "app_totals",
        "crash_batch",
        "crash_statistics",
        "export_occurrence",
        "occurrences",
        "release",
        "releases",
    ]
    assert all(isinstance(one, JobType) for one in JOB_TYPES.values())
    assert all(one.subject in one.Params.model_fields for one in JOB_TYPES.values())
    assert isinstance(SHORT_LIST, ShortList)
    assert SHORT_LIST.kind == "occurrences"
