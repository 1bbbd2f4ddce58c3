"""One engine."""

from pipeline.trust import holes

OFF = {"CKV_AWS_117": "a function outside of a VPC is sound"}
