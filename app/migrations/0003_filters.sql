-- Compatible: adds indexes only.
-- A status or a kind that is rare, or long ago, is found without walking through every deployment since.
CREATE INDEX deployment_status_newest ON ledger.deployment (status, sequence DESC);
CREATE INDEX deployment_kind_newest ON ledger.deployment (kind, sequence DESC);
