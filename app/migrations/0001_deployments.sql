-- The chain: one row for each record of any kind, each sealed with the hash of the one before it.
-- A record's digest is SHA-256 of its row as JSON without nulls, so that a later migration may add
-- columns (empty in older rows) without changing what older rows hash to.
CREATE TABLE ledger.chain (
    sequence bigint PRIMARY KEY CHECK (sequence > 0),
    kind     text   NOT NULL,
    digest   bytea  NOT NULL CHECK (length(digest) = 32),
    previous bytea  NOT NULL CHECK (length(previous) = 32),
    hash     bytea  NOT NULL UNIQUE CHECK (length(hash) = 32)
);

CREATE TABLE ledger.deployment (
    id          uuid        PRIMARY KEY,
    sequence    bigint      NOT NULL UNIQUE REFERENCES ledger.chain,
    recorded_at timestamptz NOT NULL,
    recorded_by text,
    environment text        NOT NULL CHECK (environment ~ '^[a-z][a-z0-9]{1,11}$'),
    commit      text        NOT NULL CHECK (commit ~ '^[0-9a-f]{40}$'),
    bundle      text        NOT NULL CHECK (bundle ~ '^[0-9a-f]{64}$'),
    release     text        NOT NULL CHECK (release ~ '^[0-9a-f]{64}$'),
    version     text,
    kind        text        NOT NULL CHECK (kind IN ('deploy', 'rollback')),
    status      text        NOT NULL CHECK (status IN ('succeeded', 'failed')),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL CHECK (finished_at >= started_at),
    run         text,
    actor       text        NOT NULL,
    detail      text
);

CREATE INDEX deployment_environment ON ledger.deployment (environment, sequence DESC);

-- Runs with the owner's rights: writers may add records, the chain only through them.
-- Records are inserted plainly: with ON CONFLICT this would seal a row that is then not inserted.
CREATE FUNCTION ledger.seal() RETURNS trigger
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
    row_digest := sha256(convert_to(jsonb_strip_nulls(to_jsonb(NEW))::text, 'UTF8'));
    INSERT INTO ledger.chain (sequence, kind, digest, previous, hash)
    VALUES (
        NEW.sequence, TG_TABLE_NAME, row_digest, last_hash,
        sha256(last_hash || int8send(NEW.sequence) || convert_to(TG_TABLE_NAME::text, 'UTF8') || row_digest)
    );
    RETURN NEW;
END
$$;

CREATE FUNCTION ledger.refuse() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'ledger.% is append-only: % is not allowed', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER seal BEFORE INSERT ON ledger.deployment FOR EACH ROW EXECUTE FUNCTION ledger.seal();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.deployment
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.chain
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();

REVOKE ALL ON FUNCTION ledger.seal(), ledger.refuse() FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO ledger;
GRANT SELECT ON ledger.chain TO ledger;
GRANT SELECT, INSERT ON ledger.deployment TO ledger;
