"""Stages that SAM makes beside the named one, old TLS, and edge endpoints."""

from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for deployment in stack.of_type("AWS::ApiGateway::Deployment"):
            if deployment.get("StageName"):
                yield at(
                    deployment,
                    f"SAM also makes the stage {deployment.get('StageName')}",
                    "StageName",
                    fact=f"stage {deployment.get('StageName')}",
                )
        for domain in stack.of_type("AWS::ApiGateway::DomainName"):
            policy = str(domain.get("SecurityPolicy", default="missing"))
            if policy in ("missing", "TLS_1_0"):
                yield at(
                    domain,
                    f"the domain's security policy is {policy}",
                    "SecurityPolicy",
                    fact="SecurityPolicy",
                )
        for api in stack.of_type("AWS::ApiGateway::RestApi"):
            kinds = texts(api.get("EndpointConfiguration", "Types"))
            if any(kind not in ("REGIONAL", "PRIVATE") for kind in kinds):
                yield at(
                    api,
                    f"the endpoint is {', '.join(kinds)}",
                    "EndpointConfiguration",
                    fact="EndpointConfiguration",
                )
