"""Who can become whom: subjects of workflow jobs, held against the trust policies of roles."""
