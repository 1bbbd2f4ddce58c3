import pytest

from sandbox.github.expressions import Unknown, evaluate, interpolate, value

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


def test_keeps_the_type_of_a_lone_expression() -> None:
    """An input given as one expression keeps its boolean."""
    found = (value("${{ inputs.on }}", CONTEXTS), value("x${{ inputs.on }}", CONTEXTS))

    assert (True, "xtrue") == found
