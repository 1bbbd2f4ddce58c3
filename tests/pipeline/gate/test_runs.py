"""The runs of workflows: what an event reaches, and with which values."""

from pathlib import Path

import pytest

from pipeline.source.project import Project
from pipeline.source.runs import Run, runs

CALLEE = """
on:
  workflow_call:
    inputs:
      environment: {type: string, required: true}
      role: {type: string, default: reader}
      dry: {type: boolean}
jobs:
  deploy:
    environment: ${{ inputs.environment }}
    steps:
      - {run: "echo ${{ inputs.role }}", if: "!inputs.dry"}
"""


def of(main: str) -> list[Run]:
    """The runs of a repository with this workflow beside the one that it calls."""
    files = {".github/workflows/main.yml": main, ".github/workflows/callee.yml": CALLEE}
    return list(runs(Project(Path(), {name: text.encode() for name, text in files.items()})))


def call(**lines: str) -> str:
    return "\n".join(
        [
            "jobs:",
            "  call:",
            "    uses: ./.github/workflows/callee.yml",
            *(f"    {k}: {v}" for k, v in lines.items()),
        ]
    )


@pytest.mark.parametrize(
    ("main", "environments", "roles", "active"),
    [
        ("on: push\n" + call(**{"with": "{environment: dev}"}), ["dev"], ["reader"], True),
        ("on: push\n" + call(**{"with": "{environment: dev, dry: true}"}), ["dev"], ["reader"], False),
        (
            "on: push\n"
            + call(
                strategy="{matrix: {include: [{to: dev, as: a}, {to: prod, as: b}]}}",
                **{"with": "{environment: '${{ matrix.to }}', role: '${{ matrix.as }}'}"},
            ),
            ["dev", "prod"],
            ["a", "b"],
            True,
        ),
        (
            "on: push\n"
            + call(
                strategy="{matrix: {to: [dev, prod], exclude: [{to: prod}]}}",
                **{"with": "{environment: '${{ matrix.to }}'}"},
            ),
            ["dev"],
            ["reader"],
            True,
        ),
        (
            "on: push\n"
            + call(
                strategy="{matrix: '${{ fromJSON(vars.TO) }}'}",
                **{"with": "{environment: '${{ matrix.to }}'}"},
            ),
            ["${{ matrix.to }}"],
            ["reader"],
            True,
        ),
        (
            "on: {workflow_dispatch: {inputs: {to: {type: choice, options: [dev, prod]}, dry: {type: boolean}}}}\n"
            + call(**{"with": "{environment: '${{ inputs.to }}', dry: '${{ inputs.dry }}'}"}),
            ["dev", "prod"],
            ["reader"],
            None,
        ),
        (
            "on: {workflow_dispatch: {inputs: {to: {required: true}}}}\n"
            + call(
                **{
                    "with": "{environment: '${{ github.event.inputs.to }}', role: 'r-${{ github.event_name }}'}"
                }
            ),
            ["${{ inputs.to }}"],
            ["r-workflow_dispatch"],
            True,
        ),
    ],
)
def test_a_run_has_the_values_that_its_callers_hand_on(
    main: str, environments: list[str], roles: list[str], active: bool | None
) -> None:
    """Inputs, defaults, choices and matrices give what an expression may stand for, and no more."""
    (run,) = of(main)
    (step,) = run.job.steps

    assert environments == list(run.environments)
    assert [f"echo {role}" for role in roles] == list(run.values(step.run))
    assert active is run.active(step.body)


def test_combinations_stay_together() -> None:
    """A matrix of pairs gives the pairs alone, not each with each."""
    main = """
on: push
jobs:
  a:
    strategy: {matrix: {include: [{to: dev, as: one}, {to: prod, as: two}]}}
    environment: ${{ matrix.to }}
    steps: [{run: "deploy ${{ matrix.to }} ${{ matrix.as }}"}]
"""
    (run,) = of(main)
    (step,) = run.job.steps

    assert ("deploy dev one", "deploy prod two") == run.values(step.run)


def test_a_step_for_another_event_does_not_run() -> None:
    """Which event it is, is known of each run."""
    main = """
on: [push, schedule]
jobs:
  a: {steps: [{run: "true", if: github.event_name == 'schedule'}]}
"""

    assert {"push": False, "schedule": True} == {
        run.event: run.active(step.body) for run in of(main) for step in run.job.steps
    }


def test_many_choices_end() -> None:
    """Ten choices of ten are not ten thousand million runs: the longest are kept as what somebody types."""
    options = ", ".join(f"o{number}" for number in range(10))
    inputs = ", ".join(f"i{number}: {{type: choice, options: [{options}]}}" for number in range(10))
    main = f"on: {{workflow_dispatch: {{inputs: {{{inputs}}}}}}}\n" + call(
        **{"with": "{environment: '${{ inputs.i9 }}'}"}
    )
    (run,) = of(main)

    assert 100 == len(run.cases)
    assert tuple(f"o{number}" for number in range(10)) == run.environments
