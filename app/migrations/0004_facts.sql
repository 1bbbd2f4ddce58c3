-- Compatible: adds columns that may be empty, and an empty one is no part of a record's digest.
-- What a finding is about besides its rule and resource, and what a waiver covers of them.
ALTER TABLE ledger.finding ADD COLUMN fact text;
ALTER TABLE ledger.waiver ADD COLUMN fact text;
