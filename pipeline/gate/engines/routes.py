"""The routes of the application, held against those of the template: `pipeline routes` in the stage lint."""

from collections.abc import Iterator

from pipeline.base.errors import ToolError
from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.findings import Finding
from pipeline.source.project import APPLICATION
from pipeline.source.routing import differences
from pipeline.source.url_map import SAMPLES, UrlMapError

_MEND = "To write the application's routes into the template: bin/pipeline routes --write (docs/your-application.md)."


def run(context: Context) -> Iterator[Finding]:
    context.warm()
    try:
        for difference in differences(context.project, context.tree):
            one = difference.violation
            yield Finding(
                rule="routes/missing" if difference.missing else "routes/unanswered",
                title="The application and the template have other routes",
                severity="medium",
                tool=ENGINE.name,
                file=one.file,
                line=one.line,
                resource=one.resource if one.file == APPLICATION else None,
                fact=one.fact,
                environment=one.environment,
                message=one.message,
                remediation=_MEND,
            )
    except UrlMapError as error:
        yield Finding(
            rule="routes/unreadable",
            title="The application's routes can't be read",
            severity="high",
            tool=ENGINE.name,
            file=error.file or APPLICATION,
            line=error.line or 1,
            fact=error.message,
            message=error.message,
            remediation=f"Mend it where it stands. {SAMPLES}",
        )
    except ToolError as error:
        raise EngineError(f"{error.message} {error.hint}".strip()) from error


ENGINE = Engine(
    name="routes",
    packages=("flask", "werkzeug", "aws_sam_translator"),
    reads=lambda file: True,  # an application may read whatever it likes when it is imported
    run=run,
)
