"""A SAM template as CloudFormation sees it: the Serverless transform, run in this process."""

import contextlib
import copy
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

SERVERLESS = "AWS::Serverless-2016-10-31"


class ExpansionError(Exception):
    """The transform refused the template. `faults` are (logical id or '', what is wrong)."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(message for _, message in faults))
        self.faults = faults


def transforms(template: Mapping[str, Any]) -> list[str]:
    """The names under Transform, which may be one name, a list, or a mapping with a Name."""
    found = template.get("Transform", [])
    items = found if isinstance(found, list) else [found]
    return [str(item.get("Name", "")) if isinstance(item, dict) else str(item) for item in items]


def expand(template: dict[str, Any], parameters: Mapping[str, str], region: str) -> dict[str, Any]:
    """The template with every AWS::Serverless resource replaced by what it stands for.

    `parameters` are the environment's values. Intrinsic functions stay as they are. A template without
    the Serverless transform is returned unchanged. Raises ExpansionError.
    """
    if SERVERLESS not in transforms(template):
        return template
    # Imported here: it costs most of a second, and a warm run doesn't need it.
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    source = _with_nested_stacks(_with_stored_code(copy.deepcopy(template)))
    # Without a region the transform would ask this machine for one; it makes nothing of it but the partition.
    session: Any = SimpleNamespace(region_name=region or "none")
    try:
        with quick():
            translator = Translator({}, Parser(), boto_session=session)
            result: dict[str, Any] = translator.translate(source, dict(parameters))
    except InvalidDocumentException as error:
        raise ExpansionError([_fault(cause) for cause in error.causes]) from error
    except Exception as error:
        # The translator raises plain KeyError, TypeError, ... for shapes that it doesn't expect.
        raise ExpansionError([("", f"the SAM transform failed: {type(error).__name__}: {error}")]) from error
    return result


_ALONE = threading.RLock()  # what is replaced in a module is replaced for every thread


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """The transform without what takes most of its time, and without a word in the log; afterwards as it was.

    For each route of an API the transform copies the API's whole document twice, and drops the original: the time
    grows with the square of the routes. Without the copies the outcome is the same, but for the order of some keys
    and so for the hash in the name of a deployment. Nor does it hold the package's own list of policy templates
    against its schema each time. tests/pipeline/gate/test_expansion.py compares, and validates the list once.
    """
    from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor
    from samtranslator.swagger import swagger

    log, quick = logging.getLogger("samtranslator"), staticmethod(_is_valid)
    replaced = ((swagger, "_deepcopy", _same), (PolicyTemplatesProcessor, "_is_valid_templates_dict", quick))
    with _ALONE:
        level, before = log.level, [vars(holder)[name] for holder, name, _ in replaced]
        log.setLevel(logging.CRITICAL)
        for holder, name, new in replaced:
            setattr(holder, name, new)
        try:
            yield
        finally:
            log.setLevel(level)
            for (holder, name, _), old in zip(replaced, before, strict=True):
                setattr(holder, name, old)


def _same[T](document: T) -> T:
    return document


def _is_valid(*_: Any) -> bool:
    return True


def _fault(cause: Any) -> tuple[str, str]:
    message = str(getattr(cause, "message", cause))
    found = re.search(r"Resource with id \[([^\]]+)\]", message)
    return (found[1] if found else "", message)


_CODE = {"CodeUri": "code", "ContentUri": "layer", "DefinitionUri": "definition"}


def _with_stored_code(template: dict[str, Any]) -> dict[str, Any]:
    """Local folders replaced by stored objects, as `sam package` does it; the transform wants those."""
    sections = [resource.get("Properties") for resource in _mappings(template.get("Resources"))]
    sections += list(_mappings(template.get("Globals")))
    for properties in sections:
        if not isinstance(properties, dict):
            continue
        for name, key in _CODE.items():
            value = properties.get(name)
            if isinstance(value, str) and not value.startswith("s3://"):
                properties[name] = f"s3://packaged/{key}"
    return template


_APPLICATION = "AWS::Serverless::Application"
_OF_A_STACK = ("NotificationARNs", "Parameters", "Tags", "TimeoutInMinutes")


def _with_nested_stacks(template: dict[str, Any]) -> dict[str, Any]:
    """Serverless applications replaced by the nested stacks that they become.

    The transform would ask the Serverless Application Repository for their templates: the gate asks nobody.
    """
    for resource in _mappings(template.get("Resources")):
        if resource.get("Type") == _APPLICATION:
            given = resource.get("Properties")
            kept = {key: given[key] for key in _OF_A_STACK if key in given} if isinstance(given, dict) else {}
            resource["Type"] = "AWS::CloudFormation::Stack"
            resource["Properties"] = {"TemplateURL": "https://s3.amazonaws.com/packaged/application"} | kept
    return template


def _mappings(section: Any) -> list[dict[str, Any]]:
    return [item for item in section.values() if isinstance(item, dict)] if isinstance(section, dict) else []
