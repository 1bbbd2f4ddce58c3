"""The judged repository's own tests, those that need no emulator: the application's, or all (see parts.py)."""

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding
from pipeline.gate.parts import TESTS


def run(context: Context) -> Iterator[Finding]:
    report = context.scratch / "junit.xml"
    arguments = ["-n", "auto", "--dist", "loadscope"]
    arguments += ["-m", "not e2e and not slow and not proof", "-q", "--no-header"]
    arguments += ["-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    # Named, since pytest would else look for its settings in the folders above.
    settings = context.project.root / "pyproject.toml"
    arguments += ["--config-file", str(settings if settings.is_file() else os.devnull)]
    arguments += ["--rootdir", str(context.project.root), "--junit-xml", str(report)]
    if not context.scope.engine:
        arguments.append(TESTS)
    # With its own packages, from its own lock, where they are installed: the tests are the change's.
    own = context.project.root / ".venv/bin/pytest"
    done = call(own if own.is_file() else "pytest", arguments, context, folder=context.project.root)
    if done.status == 5:
        raise EngineError("pytest found no test")
    if done.status not in (0, 1) or not report.is_file():
        raise EngineError(
            f"pytest ended with status {done.status}: {(done.stderr[-2000:] or done.stdout)[-800:]}"
        )
    found = list(_failures(context, report.read_text(encoding="utf-8")))
    if done.status == 1 and not found:
        raise EngineError(f"pytest failed without a failing test: {done.stdout[-800:]}")
    yield from found


def _failures(context: Context, text: str) -> Iterator[Finding]:
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314 - see the import
        for fault in (*case.findall("failure"), *case.findall("error")):
            file = case.get("file") or f"{(case.get('classname') or '').replace('.', '/')}.py"
            details = fault.text or ""
            # The last row of the trace that lies in the test's file is where the assertion stands.
            rows = re.findall(rf"^{re.escape(file)}:(\d+):", details, re.MULTILINE)
            line = int(rows[-1]) if rows else int(case.get("line") or 0) + 1
            yield Finding(
                rule="test/failed",
                title="A test that fails",
                severity="high",
                tool="pytest",
                file=file,
                line=line,
                fact="::".join(filter(None, (_group(case, file), case.get("name")))),
                message=f"{case.get('name')}: {(fault.get('message') or 'failed').splitlines()[0][:300]}",
                remediation=f"Run it alone: .venv/bin/python -m pytest {file} -k {case.get('name')}",
            )


def _group(case: ET.Element, file: str) -> str:
    """The class that a test is a method of; '' for none."""
    module = file.removesuffix(".py").replace("/", ".")
    return (case.get("classname") or "").removeprefix(module).strip(".")


ENGINE = Engine(
    name="pytest",
    packages=("pytest",),
    reads=lambda file: True,
    run=run,
    cached=False,
    scope=lambda context: context.scope.why,
)
