"""One engine."""

OFF = {"CKV_AWS_117": "a function outside of a VPC is sound"}
