"""Stages that cache without encryption, or let anybody empty the cache."""

from collections.abc import Iterator
from typing import Any

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at
from pipeline.gate.stacks import dig


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for stage in stack.of_type("AWS::ApiGateway::Stage"):
            cluster = _on(stage.get("CacheClusterEnabled"))
            settings = stage.get("MethodSettings", default=[])
            for index, one in enumerate(settings):
                caches = cluster if dig(one, "CachingEnabled") is None else _on(dig(one, "CachingEnabled"))
                if caches and not _on(dig(one, "CacheDataEncrypted")):
                    yield at(stage, "the cache is not encrypted", "MethodSettings", index, "CachingEnabled")
            if cluster and not settings:
                yield at(stage, "the cache is not encrypted", "CacheClusterEnabled")


def _on(value: Any) -> bool:
    return str(value).lower() == "true"
