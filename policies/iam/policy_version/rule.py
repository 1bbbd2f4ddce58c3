"""Policy documents of an older version, or of none."""

from collections.abc import Iterator

from pipeline.iam.statements import statements
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        seen = set()
        for one in statements(stack):
            if (one.resource.id, one.document) in seen:
                continue
            seen.add((one.resource.id, one.document))
            if not one.resource.is_written(*one.document, "Statement"):
                continue  # a policy template of SAM, whose version nobody here writes
            document = one.resource.get(*one.document)
            version = document.get("Version") if isinstance(document, dict) else "2012-10-17"
            if version != "2012-10-17":
                name = one.resource.get(*one.document[:-1], "PolicyName", default=one.document[0])
                yield at(
                    one.resource,
                    f"the policy's version is {version or 'missing'}",
                    *one.document,
                    fact=f"Version of {name}",
                )
