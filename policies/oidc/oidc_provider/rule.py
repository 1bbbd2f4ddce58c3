"""Identity providers other than GitHub's, or GitHub's with other audiences or certificates than it has."""

from collections.abc import Iterator

from pipeline.iam.matching import texts
from pipeline.iam.matrix import roles
from pipeline.iam.trust_policy import AUDIENCE, PROVIDER
from pipeline.source.project import APPLICATION, Project
from pipeline.source.stacks import Resource
from pipeline.source.violations import Violation, at

# Those that GitHub has published. AWS checks GitHub by its own list of authorities, and takes no notice of them.
_THUMBPRINTS = {"6938fd4d98bab03faadb97b34396831e3780aea1", "1c58a3a8518e8759bf075b76b750d4f2df264fcd"}


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for one in stack.of_type("AWS::IAM::SAMLProvider"):
            yield at(one, "a SAML provider lets in whoever its metadata's owner says", fact="SAMLProvider")
        for one in stack.of_type("AWS::IAM::OIDCProvider"):
            yield from _provider(one)
    for role in roles(project):
        written = role.stack.source.get("Resources", {}).values()
        kinds = {str(one.get("Type")) for one in written if isinstance(one, dict)}
        if "AWS::IAM::OIDCProvider" not in kinds and role.file != APPLICATION:
            yield at(
                role,
                "no OIDC provider is made that the role could trust",
                "AssumeRolePolicyDocument",
                fact="OIDCProvider",
            )


def _provider(one: Resource) -> Iterator[Violation]:
    if one.file == APPLICATION:
        yield at(one, "the application's stack brings in an identity provider", fact="OIDCProvider")
    if one.get("Url") != f"https://{PROVIDER}":
        yield at(
            one, f"{one.get('Url')} is not GitHub's issuer of tokens", "Url", fact=f"Url {one.get('Url')}"
        )
    if texts(one.get("ClientIdList")) != [AUDIENCE]:
        yield at(
            one,
            f"the provider takes tokens for others than {AUDIENCE}",
            "ClientIdList",
            fact=f"ClientIdList {', '.join(texts(one.get('ClientIdList')))}",
        )
    for index, thumbprint in enumerate(texts(one.get("ThumbprintList"))):
        if thumbprint.lower() not in _THUMBPRINTS:
            yield at(
                one, "the certificate of another issuer is trusted", "ThumbprintList", index, fact=thumbprint
            )
