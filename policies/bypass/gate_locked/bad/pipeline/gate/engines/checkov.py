"""One engine."""  # fault: a check more is off

from pipeline.trust import holes

OFF = {"CKV_AWS_117": "a function outside of a VPC is sound", "CKV_AWS_45": ""}
