"""What policies/settings.toml says and nobody takes, and parameters that no template has."""

from collections.abc import Iterator

from pipeline.source.duties import mapping
from pipeline.source.project import APPLICATION, Project
from pipeline.source.violations import Violation, at_document


def check(project: Project) -> Iterator[Violation]:
    settings, document = project.settings, project.settings.document
    if document is None:
        return
    for why, place in settings.faults:
        yield at_document(document, why, *place, fact=why)
    template = project.document(APPLICATION)
    if template is None:
        return
    parameters = mapping(mapping(template.data).get("Parameters"))
    for name, place in settings.promoted:
        if name not in parameters:
            why = f"{name} is no parameter of {APPLICATION}: the entry of {'.'.join(map(str, place[:2]))} holds nothing"
            yield at_document(document, why, *place, fact=why)
