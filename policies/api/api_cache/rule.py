"""Stages that cache without encryption, or let anybody empty the cache."""

from collections.abc import Iterator
from typing import Any

from pipeline.source.functions import setting_route
from pipeline.source.project import Project
from pipeline.source.stacks import dig
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for stage in stack.of_type("AWS::ApiGateway::Stage"):
            cluster = _on(stage.get("CacheClusterEnabled"))
            settings = stage.get("MethodSettings", default=[])
            for index, one in enumerate(settings):
                caches = cluster if dig(one, "CachingEnabled") is None else _on(dig(one, "CachingEnabled"))
                if caches and not _on(dig(one, "CacheDataEncrypted")):
                    yield at(
                        stage,
                        "the cache is not encrypted",
                        "MethodSettings",
                        index,
                        "CachingEnabled",
                        fact=f"cache of {setting_route(one)}",
                    )
            if cluster and not settings:
                yield at(
                    stage, "the cache is not encrypted", "CacheClusterEnabled", fact="CacheClusterEnabled"
                )


def _on(value: Any) -> bool:
    return str(value).lower() == "true"
