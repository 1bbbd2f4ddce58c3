"""Tampering with PostgreSQL: how a value of each type is made another one, in SQL."""

OTHER = {
    "text": "coalesce({0}, '') || 'x'",
    "uuid": "gen_random_uuid()",
    "integer": "coalesce({0}, 0) # 1",
    "bigint": "coalesce({0}, 0) # 1",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 microsecond'",
    "date": "coalesce({0}, current_date) + 1",
    "jsonb": "'[{{\"x\": 1}}]'::jsonb || coalesce({0}, 'null')",
    "ARRAY": "{0} || 'x'::text",
}
