"""Reports of a verdict: for people, auditors, code scanning and machines."""
