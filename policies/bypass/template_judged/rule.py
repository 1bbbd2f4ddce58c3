"""CloudFormation templates that the gate doesn't judge: it looks at the application's and the bootstrap's alone."""

import re
from collections.abc import Iterator

from pipeline.source.project import APPLICATION, BOOTSTRAP, Project
from pipeline.source.violations import Violation

_TEMPLATE = re.compile(r"^[\"']?(AWSTemplateFormatVersion|Transform)[\"']?\s*:", re.MULTILINE)
_RESOURCE = re.compile(r"^\s*[\"']?Type[\"']?\s*:\s*[\"']?(AWS|Custom)::\w+", re.MULTILINE)
_APART = re.compile(r"(policies|tests|docs|benchmarks)/")  # fixtures, examples


def check(project: Project) -> Iterator[Violation]:
    for file in project.files:
        if file.endswith((".yaml", ".yml", ".json", ".template")) and not _APART.match(file):
            text = project.text(file) if file not in (APPLICATION, BOOTSTRAP) else ""
            if _RESOURCE.search(text) and (_TEMPLATE.search(text) or "Resources" in text):
                yield Violation(f"{file} is a template that nobody judges", file, 1, fact="a template")
