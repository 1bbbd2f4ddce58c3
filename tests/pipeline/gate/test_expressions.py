import pytest

from pipeline.source.expressions import Open, Unknown, Written, evaluate, holds, interpolate, partly, value

CONTEXTS = {
    "github": {"ref_name": "v1.2.3", "event": {"number": 7.0, "labels": ["a", "Hotfix"]}, "actor": "alice"},
    "inputs": {"environment": "dev", "empty": "", "on": True},
    "matrix": {},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("github.ref_name", "v1.2.3"),
        ("github['ref_name']", "v1.2.3"),
        ("github.event.labels[1]", "Hotfix"),
        ("github.nothing.there", None),
        ("inputs.empty || 'prod'", "prod"),
        ("inputs.on && 'yes' || 'no'", "yes"),
        ("github.actor == 'ALICE'", True),  # text is compared without regard to case
        ("github.actor != 'bob' && !inputs.empty", True),
        ("(1 < 2) == true", True),
        ("'' == 0", True),
        ("null == ''", True),
        ("startsWith(github.ref_name, 'V1')", True),
        ("endsWith('a.yml', '.yaml')", False),
        ("contains(github.event.labels, 'hotfix')", True),
        ("contains('Hello', 'ELL')", True),
        ("format('{0}-{1}{{}}', inputs.environment, 3)", "dev-3{}"),
        ("'it''s'", "it's"),
        ("0x10", 16.0),
    ],
)
def test_evaluates_as_github_does(text: str, expected: object) -> None:
    """An expression whose parts are known before the job starts has GitHub's value."""
    found = evaluate(text, CONTEXTS)

    assert expected == found


@pytest.mark.parametrize(
    "text",
    [
        *("needs.a.outputs.b", "steps.x.outputs.y", "secrets.KEY", "hashFiles('uv.lock')", "always()"),
        *("github.", "'open", "(1", "1 2", "", "a b", "== 1", "format('{1}')"),
    ],
)
def test_says_that_it_cannot_know(text: str) -> None:
    """What only a running job knows, and what can't be parsed, is Unknown: never a guessed value."""
    with pytest.raises(Unknown):
        evaluate(text, CONTEXTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Deploy ${{ inputs.environment }}!", "Deploy dev!"),
        ("${{ github.event.number }}/${{ inputs.on }}/${{ null }}", "7/true/"),
        ("plain", "plain"),
    ],
)
def test_writes_values_into_text(text: str, expected: str) -> None:
    """Every expression of a text is replaced, with whole numbers and booleans as GitHub writes them."""
    assert expected == interpolate(text, CONTEXTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${{ inputs.on }} then ${{ needs.a.outputs.b }}", "true then ${{ needs.a.outputs.b }}"),
        ("${{ steps.a.outputs.b || 'x' }}", "${{ steps.a.outputs.b || 'x' }}"),
        ("${{ '' || inputs.environment }}", "dev"),
        ("${{ inputs.ENVIRONMENT }}", "dev"),  # names don't differ by case
        ("${{ '}}' }}", "}}"),
        ("${{ 'open }}", "${{ 'open }}"),
        ("${{ github.event.labels.*.name }}", "${{ github.event.labels.*.name }}"),
    ],
)
def test_keeps_what_only_the_run_knows_as_written(text: str, expected: str) -> None:
    """A value that isn't known stays the expression that it is."""
    assert expected == partly(text, CONTEXTS)


HANDED = {
    "inputs": {
        "tag": Written("${{ github.ref_name }}"),
        "typed": Written("${{ inputs.typed }}", filled=False),
        "dry": False,
        "environment": "prod",
    },
    "github": Open(event_name="push"),
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (None, True),
        (False, False),
        ("inputs.dry", False),
        ("${{ !inputs.dry }}", True),
        ("inputs.tag != ''", True),  # what is handed on, such as a tag's name, isn't empty
        ("inputs.tag == 'v1'", None),
        ("inputs.typed == ''", None),  # what somebody types may be
        ("inputs.typed", None),
        ("inputs.dry && needs.a.outputs.b == 'c'", False),
        ("needs.a.outputs.b == 'c' && inputs.dry", False),
        ("needs.a.outputs.b == 'c' || !inputs.dry", True),
        ("needs.a.outputs.b == 'c' || inputs.dry", None),
        ("!(needs.a.result == 'x' && inputs.dry)", True),
        ("github.event_name == 'schedule'", False),
        ("github.actor == 'alice'", None),
        ("(inputs.environment == 'prod') && github.event_name != 'pull_request'", True),
        ("contains(inputs.tag, 'v')", None),
        ("failure()", None),
        ("${{ inputs.dry }} && false", True),  # GitHub makes a text of it, and a text is true
        ("inputs.dry &&", None),
        ("!" * 60 + "inputs.dry", None),
        (" && ".join(["inputs.environment"] * 5000), True),
    ],
)
def test_tells_whether_a_condition_holds(condition: object, expected: bool | None) -> None:
    """True or false where what is known decides it, None where only the run knows."""
    assert expected == holds(condition, HANDED)


@pytest.mark.parametrize("text", ["${{ inputs.tag }}", "${{ inputs.typed || 'x' }}", "${{ github.actor }}"])
def test_a_value_that_is_only_written_is_unknown(text: str) -> None:
    """What must be a value is never the text of an expression."""
    with pytest.raises(Unknown):
        interpolate(text, HANDED)


def test_keeps_the_type_of_a_lone_expression() -> None:
    """An input given as one expression keeps its boolean."""
    found = (value("${{ inputs.on }}", CONTEXTS), value("x${{ inputs.on }}", CONTEXTS))

    assert (True, "xtrue") == found
