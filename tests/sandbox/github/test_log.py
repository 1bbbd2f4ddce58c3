import io
import json
from typing import Any

from sandbox.github import act
from sandbox.github.log import Annotation, Log, StepResult

JOB = {"job": "Checks/lint-1   ", "jobID": "lint", "matrix": {"stage": "lint"}, "level": "info"}


def read(*records: dict[str, Any] | str, secrets: tuple[str, ...] = ()) -> tuple[Log, str]:
    """A log that has taken these records, and what it wrote."""
    out = io.StringIO()
    log = Log(out, secrets, lambda job, step: None)
    for record in records:
        log.take(record if isinstance(record, str) else json.dumps(record))
    return log, out.getvalue()


def step(name: str, result: str, **more: Any) -> dict[str, Any]:
    about = {"stage": "Main", "step": name, "stepID": ["0"], "stepResult": result, "executionTime": 25e7}
    return {**JOB, **about, "msg": f"  {result} - Main {name}", **more}


START = {**JOB, "step": "Set up job", "msg": "Run Set up job"}


def end(result: str) -> dict[str, Any]:
    return {**JOB, "jobResult": result, "msg": "Job ended"}


def test_tells_jobs_and_steps() -> None:
    """A job has its id, its result and its own steps; the steps of a composite action aren't its own."""
    log, _ = read(
        START, step("inner", "success", stepID=["0", "1"]), step("Test\nmore", "failure"), end("failure")
    )
    found = act.results(log, "")

    assert [("Checks/lint-1", "lint", "failure")] == [(job.name, job.id, job.result) for job in found]
    assert (StepResult("Test", "failure", 0.25),) == found[0].steps


def test_a_job_of_a_matrix_fails_by_its_own_steps() -> None:
    """act tells every job of a matrix that it failed when one did; the steps know better."""
    log, _ = read(START, step("Test", "success"), end("failure"))

    assert ["success"] == [job.result for job in act.results(log, "")]


def test_a_job_that_never_began_is_told_only_when_skipped() -> None:
    """A skipped job is a result; a job that only calls a workflow is none."""
    looked = {**JOB, "job": "Main/call", "jobID": "call", "level": "debug", "msg": "evaluating expression"}
    skipped = {
        **JOB,
        "job": "Main/skip",
        "jobID": "skip",
        "level": "debug",
        "jobResult": "skipped",
        "msg": "x",
    }
    log, _ = read(looked, skipped)

    assert [("skip", "skipped")] == [(job.id, job.result) for job in act.results(log, "")]


def test_a_job_that_was_ended_says_so() -> None:
    """A job without an end has the reason for which the run was ended."""
    log, _ = read(START)

    assert ["timed_out"] == [job.result for job in act.results(log, "timed_out")]


def test_nothing_masked_is_kept() -> None:
    """A masked value is `***` everywhere from the line that masks it on, and so is the run's own token."""
    mask = {
        **JOB,
        "command": "add-mask",
        "arg": "s3cret\nline two",
        "raw": "::add-mask::s3cret",
        "msg": "***",
    }
    said = {**JOB, "raw_output": True, "msg": "it is s3cret, bearer and line two\n"}
    summary = {**JOB, "command": "summary", "content": "s3cret", "msg": "Summary - s3cret", "stepID": ["1"]}
    error = {
        **JOB,
        "command": "error",
        "arg": "s3cret",
        "kvPairs": {"file": "a.py", "line": "3"},
        "msg": "s3cret",
    }
    log, text = read(mask, said, summary, error, "panic: s3cret", secrets=("bearer",))

    assert "[Checks/lint-1] it is ***, *** and ***\n" in text
    assert ["***"] == log.summaries
    assert [Annotation("error", "***", "a.py", "3")] == log.annotations
    assert ["panic: ***"] == log.errors
    assert not any(secret in text for secret in ("s3cret", "bearer", "line two"))


def test_debug_lines_and_colours_are_left_out() -> None:
    """act's debug lines hold whole environments: they are read, and never kept."""
    debug = {**JOB, "level": "debug", "msg": "setupEnv => map[TOKEN:abc]"}
    _, text = read(debug, {**JOB, "raw_output": True, "msg": "\x1b[31mred\x1b[0m\n"})

    assert "[Checks/lint-1] red\n" == text


def test_a_summary_is_told_once() -> None:
    """act repeats the summary of a composite action's step for the step that uses it."""
    summary = {**JOB, "command": "summary", "content": "## Hi\n", "msg": "Summary", "stepID": ["1"]}
    log, _ = read({**summary, "stepID": ["1", "0"]}, summary)

    assert ["## Hi\n"] == log.summaries


def test_knows_a_jobs_folder_from_act_alone() -> None:
    """A job's folder is what act says first; what a step prints can't change it."""
    printed = {**JOB, "raw_output": True, "msg": "/x/act/ffffffffffffffff/hostexecutor\n"}
    debug = {**JOB, "level": "debug", "msg": "map[A:/x/act/0123456789abcdef/act/y]"}
    later = {**JOB, "level": "debug", "msg": "map[A:/x/act/aaaaaaaaaaaaaaaa/act/y]"}
    log, _ = read(printed, debug, later)
    found = log.job_in("0123456789abcdef")

    assert found is not None
    assert "Checks/lint-1" == found.name
    assert log.job_in("ffffffffffffffff", patience=0.0) is None
    assert log.job_in("aaaaaaaaaaaaaaaa", patience=0.0) is None
