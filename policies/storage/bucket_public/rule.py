"""Buckets without the whole public access block, with ACLs, or served as a web site."""

from collections.abc import Iterator

from pipeline.source.project import Project
from pipeline.source.stacks import dig
from pipeline.source.violations import Violation, at

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for bucket in stack.of_type("AWS::S3::Bucket"):
            block = bucket.get("PublicAccessBlockConfiguration", default={})
            if unset := [key for key in _BLOCKS if str(dig(block, key, default=False)).lower() != "true"]:
                text = f"{', '.join(unset)} {'is' if len(unset) == 1 else 'are'} not set"
                yield at(bucket, text, "PublicAccessBlockConfiguration", unset[0], fact=" ".join(unset))
            # Without OwnershipControls there are no ACLs: S3's default for new buckets since April 2023.
            rules = bucket.get("OwnershipControls", "Rules", default=[])
            if rules and not any(dig(rule, "ObjectOwnership") == "BucketOwnerEnforced" for rule in rules):
                yield at(
                    bucket,
                    "objects may have ACLs of their own",
                    "OwnershipControls",
                    fact="OwnershipControls",
                )
            for key in ("AccessControl", "WebsiteConfiguration", "CorsConfiguration"):
                if bucket.get(key) and bucket.get(key) != "Private":
                    yield at(bucket, f"{key} opens the bucket", key, fact=key)
            if bucket.get("ReplicationConfiguration"):
                why = "what it holds is copied into a bucket that nobody judges here"
                yield at(bucket, why, "ReplicationConfiguration", fact="ReplicationConfiguration")
        for point in stack.of_type("AWS::S3::AccessPoint", "AWS::S3::MultiRegionAccessPoint"):
            yield at(
                point,
                f"{point.id} is a second door to the bucket, with a policy and blocks of its own",
                fact="access point",
            )
