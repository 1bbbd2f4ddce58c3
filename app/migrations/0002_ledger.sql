-- Compatible: adds tables; deployments are added and read as before.
-- Everything else that the ledger keeps beside deployments, each kind in the same chain.
CREATE TABLE ledger.release (
    id          uuid        PRIMARY KEY,
    sequence    bigint      NOT NULL UNIQUE REFERENCES ledger.chain,
    recorded_at timestamptz NOT NULL,
    recorded_by text,
    version     text        NOT NULL,
    commit      text        NOT NULL,
    bundle      text        NOT NULL,
    approver    text,
    released_at timestamptz NOT NULL
);

CREATE TABLE ledger."check" (
    id           uuid        PRIMARY KEY,
    sequence     bigint      NOT NULL UNIQUE REFERENCES ledger.chain,
    recorded_at  timestamptz NOT NULL,
    recorded_by  text,
    commit       text        NOT NULL,
    name         text        NOT NULL,
    status       text        NOT NULL CHECK (status IN ('passed', 'failed', 'skipped')),
    milliseconds integer     NOT NULL CHECK (milliseconds >= 0),
    finished_at  timestamptz NOT NULL
);

CREATE TABLE ledger.finding (
    id          uuid        PRIMARY KEY,
    sequence    bigint      NOT NULL UNIQUE REFERENCES ledger.chain,
    recorded_at timestamptz NOT NULL,
    recorded_by text,
    commit      text        NOT NULL,
    rule        text        NOT NULL,
    title       text        NOT NULL,
    severity    text        NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    tool        text        NOT NULL,
    file        text        NOT NULL,
    line        integer     NOT NULL CHECK (line >= 0),
    resource    text,
    environment text,
    message     text        NOT NULL,
    remediation text,
    controls    text[]      NOT NULL,
    waiver      text,
    found_at    timestamptz NOT NULL
);

CREATE TABLE ledger.waiver (
    id          uuid        PRIMARY KEY,
    sequence    bigint      NOT NULL UNIQUE REFERENCES ledger.chain,
    recorded_at timestamptz NOT NULL,
    recorded_by text,
    commit      text        NOT NULL,
    name        text        NOT NULL,
    rule        text        NOT NULL,
    resource    text        NOT NULL,
    environment text,
    reason      text        NOT NULL,
    owner       text        NOT NULL,
    approver    text        NOT NULL,
    ticket      text        NOT NULL,
    expires_on  date        NOT NULL
);

CREATE TABLE ledger.evidence (
    id          uuid        PRIMARY KEY,
    sequence    bigint      NOT NULL UNIQUE REFERENCES ledger.chain,
    recorded_at timestamptz NOT NULL,
    recorded_by text,
    bundle      text        NOT NULL,
    name        text        NOT NULL,
    media_type  text        NOT NULL,
    sha256      text        NOT NULL,
    size        bigint      NOT NULL CHECK (size >= 0),
    location    text,
    document    jsonb
);

CREATE TABLE ledger.read (
    id          uuid        PRIMARY KEY,
    sequence    bigint      NOT NULL UNIQUE REFERENCES ledger.chain,
    recorded_at timestamptz NOT NULL,
    recorded_by text,
    identity    text        NOT NULL,
    path        text        NOT NULL
);

-- Links that open the pages once: only the SHA-256 of what stands in a link is kept. A link is used by
-- adding its use, which the primary key lets happen once.
CREATE TABLE ledger.link (
    digest     bytea       PRIMARY KEY CHECK (length(digest) = 32),
    identity   text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger.link_use (
    digest  bytea       PRIMARY KEY REFERENCES ledger.link,
    used_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX deployment_commit ON ledger.deployment (commit, sequence DESC);
CREATE INDEX deployment_bundle ON ledger.deployment (bundle, sequence DESC);
CREATE INDEX deployment_version ON ledger.deployment (version, sequence DESC) WHERE version IS NOT NULL;
CREATE INDEX deployment_status ON ledger.deployment (status, environment, sequence DESC);
CREATE INDEX deployment_kind ON ledger.deployment (kind, environment, sequence DESC);
CREATE INDEX deployment_finished ON ledger.deployment (environment, finished_at);
CREATE INDEX release_version ON ledger.release (version, sequence DESC);
CREATE INDEX release_commit ON ledger.release (commit, sequence DESC);
CREATE INDEX release_bundle ON ledger.release (bundle, sequence DESC);
CREATE INDEX check_commit ON ledger."check" (commit, sequence DESC);
CREATE INDEX check_status ON ledger."check" (status, sequence DESC);
CREATE INDEX finding_commit ON ledger.finding (commit, sequence DESC);
CREATE INDEX finding_rule ON ledger.finding (rule, sequence DESC);
CREATE INDEX finding_severity ON ledger.finding (severity, sequence DESC);
CREATE INDEX waiver_commit ON ledger.waiver (commit, sequence DESC);
CREATE INDEX waiver_rule ON ledger.waiver (rule, sequence DESC);
CREATE INDEX evidence_bundle ON ledger.evidence (bundle, sequence DESC);
CREATE INDEX evidence_name ON ledger.evidence (name, sequence DESC);
CREATE INDEX read_identity ON ledger.read (identity, sequence DESC);

-- As before, save that nulls inside a document count: only empty columns are left out.
CREATE OR REPLACE FUNCTION ledger.seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
    last_sequence bigint;
    last_hash     bytea;
    row_digest    bytea;
BEGIN
    -- Held until the transaction ends: the next writer sees this one's row or none of it.
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.chain', 0));
    SELECT sequence, hash INTO last_sequence, last_hash
        FROM ledger.chain ORDER BY sequence DESC LIMIT 1;
    last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
    NEW.sequence := coalesce(last_sequence, 0) + 1;
    NEW.recorded_at := clock_timestamp();
    SELECT sha256(convert_to(jsonb_object_agg(key, value)::text, 'UTF8')) INTO row_digest
        FROM jsonb_each(to_jsonb(NEW)) WHERE value <> 'null'::jsonb;
    INSERT INTO ledger.chain (sequence, kind, digest, previous, hash)
    VALUES (
        NEW.sequence, TG_TABLE_NAME, row_digest, last_hash,
        sha256(last_hash || int8send(NEW.sequence) || convert_to(TG_TABLE_NAME::text, 'UTF8') || row_digest)
    );
    RETURN NEW;
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['release', 'check', 'finding', 'waiver', 'evidence', 'read'] LOOP
        EXECUTE format(
            'CREATE TRIGGER seal BEFORE INSERT ON ledger.%I FOR EACH ROW EXECUTE FUNCTION ledger.seal()', name
        );
    END LOOP;
    FOREACH name IN ARRAY ARRAY['release', 'check', 'finding', 'waiver', 'evidence', 'read', 'link', 'link_use'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse()', name
        );
        EXECUTE format('GRANT SELECT, INSERT ON ledger.%I TO ledger', name);
    END LOOP;
END
$$;
