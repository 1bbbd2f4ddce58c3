"""JUnit XML."""

from junitparser import JUnitXml

from pipeline.report import junit
from tests.pipeline.report.sample import evidence


def document(**changes: object) -> JUnitXml:
    """The sample's document, read back."""
    return JUnitXml.fromstring(junit.render(evidence(**changes)).encode())


def results(**changes: object) -> dict[str, list[str]]:
    """The kinds of result of each case, by SUITE/CASE."""
    return {
        f"{suite.name}/{case.name}": [type(one).__name__ for one in case.result]
        for suite in document(**changes)
        for case in suite
    }


def test_every_engine_is_a_suite_and_every_rule_a_case() -> None:
    """A rule without finding is a passed case; findings fail, waived ones are skipped, a broken engine errs."""
    expected = {
        "cfn-lint/W3005": ["Failure"],
        "checkov/CKV_AWS_50": ["Failure"],
        "rules/secret_in_environment": ["Failure"],
        "rules/secret_rotated": [],
        "rules/logged": ["Skipped"],
        "rules/wildcard_action": [],
        "zizmor/no verdict": ["Error"],
        "pytest/test/failed": ["Failure"],
    }

    assert expected == results()


def test_engine_without_a_finding_has_a_case() -> None:
    """An engine that found nothing shows that it ran."""
    assert [] == results(findings=())["pytest/no finding"]


def test_engine_without_verdict_has_no_other_case() -> None:
    """That it found nothing is not said of an engine that broke."""
    assert [("zizmor/no verdict", ["Error"])] == [
        (name, outcome) for name, outcome in results(findings=()).items() if name.startswith("zizmor/")
    ]


def test_counts_are_those_of_the_cases() -> None:
    """The totals that a reporter shows are right."""
    found = document()

    assert (8, 4, 1, 1) == (found.tests, found.failures, found.errors, found.skipped)


def test_time_is_that_of_the_engines() -> None:
    """A suite took as long as its engine."""
    assert {"cfn-lint": 3.214, "checkov": 5.5, "rules": 1.25, "zizmor": 0.5, "pytest": 12.0} == {
        suite.name: suite.time for suite in document()
    }


def test_characters_that_xml_lacks_are_shown() -> None:
    """Control characters of a hostile message don't break the document, and can still be read."""
    text = junit.render(evidence())

    assert r"\u001b[31m\u0000" in text
    assert "\x1b" not in text
