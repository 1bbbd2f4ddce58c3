"""The API's description in OpenAPI 3.1, made from the kinds of record, so that it can't fall behind them."""

from typing import Any

from app import fields, paging
from app.ledger.chain import AFTER
from app.ledger.kinds import KINDS, WRITTEN, Kind
from app.ledger.reports import REPORT, object_schema

Schema = dict[str, Any]


def document(server: str) -> Schema:
    """Return the description, for an API that answers below the path `server`."""
    paths: Schema = {}
    for kind in KINDS.values():
        paths[f"/api/{kind.plural}"] = {"get": _listing(kind)}
        paths[f"/api/{kind.plural}/{{id}}"] = {"get": _reading(kind)}
    for kind in WRITTEN.values():
        paths[f"/api/{kind.plural}"]["post"] = _adding(
            f"Add {_a(kind)}", object_schema(kind.fields), _row(kind)
        )
    paths["/api/reports"] = {
        "post": _adding(
            "Add what the gate reported about a commit, as checks and findings",
            object_schema(REPORT),
            _object({"checks": {"type": "integer"}, "findings": {"type": "integer"}}),
        )
    }
    paths["/api/verify"] = {"get": _verifying()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Release ledger",
            "version": "1",
            "description": "Records are added, never changed. Every request is signed with AWS Signature "
            "Version 4 and authorised by IAM, path by path.",
        },
        "servers": [{"url": server}],
        "security": [{"signature": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4, service execute-api",
                }
            },
            "schemas": {
                **{kind.name: _row(kind) for kind in KINDS.values()},
                "problem": {
                    **_object({"title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT}),
                    "properties": {
                        "title": _TEXT,
                        "status": {"type": "integer"},
                        "detail": _TEXT,
                        "request_id": {"type": ["string", "null"]},
                        "errors": {"type": "array", "items": _object({"field": _TEXT, "message": _TEXT})},
                    },
                },
            },
        },
    }


_TEXT: Schema = {"type": "string"}


def _listing(kind: Kind) -> Schema:
    filters = {name: kind.fields[name] for name in kind.filters}
    checks = {"limit": paging.LIMIT, "cursor": paging.CURSOR, **filters}
    page = _object(
        {
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{kind.name}"}},
            "next": {"anyOf": [paging.CURSOR.schema, {"type": "null"}]},
        }
    )
    return {
        "summary": f"A page of {kind.plural}, newest first",
        "operationId": f"list_{kind.plural}",
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": _without_null(check.schema)}
            for name, check in checks.items()
        ],
        "responses": {"200": _json(page, etag=True), "304": {"description": "unchanged"}, **_problems(422)},
    }


def _reading(kind: Kind) -> Schema:
    return {
        "summary": f"Read {_a(kind)}",
        "operationId": f"read_{kind.name}",
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": fields.IDENTIFIER.schema}],
        "responses": {
            "200": _json({"$ref": f"#/components/schemas/{kind.name}"}, etag=True),
            "304": {"description": "unchanged"},
            **_problems(404),
        },
    }


def _adding(summary: str, body: Schema, answer: Schema) -> Schema:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "201": _json(answer),
            "200": _json(answer, "known already, with the same content"),
            **_problems(400, 409, 413, 415, 422),
        },
    }


def _verifying() -> Schema:
    number: Schema = {"type": "integer", "minimum": 0}
    link: Schema = {"type": "string", "pattern": "^([0-9a-f]{64})?$"}
    verdict = _object(
        {
            "valid": {"type": "boolean"},
            "after": number,
            "begin": link,
            "last": number,
            "head": link,
            "next": {"anyOf": [number, {"type": "null"}]},
            "broken": {
                "anyOf": [_object({"sequence": number, "kind": _TEXT, "reason": _TEXT}), {"type": "null"}]
            },
        }
    )
    return {
        "summary": "Recompute a stretch of the hash chain; follow 'next' until it is null",
        "operationId": "verify",
        "parameters": [{"name": "after", "in": "query", "required": False, "schema": AFTER.schema}],
        "responses": {
            "200": _json(verdict, etag=True),
            "304": {"description": "unchanged"},
            **_problems(422),
        },
    }


def _row(kind: Kind) -> Schema:
    """Return the schema of a record as it is read: what was sent, and what the ledger adds."""
    added = {
        "sequence": {"type": "integer", "minimum": 1},
        "recorded_at": fields.TIMESTAMP.schema,
        "recorded_by": {"type": ["string", "null"]},
    }
    return {"description": kind.meaning, **_object({**object_schema(kind.fields)["properties"], **added})}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _json(schema: Schema, description: str = "success", *, etag: bool = False) -> Schema:
    headers = {"ETag": {"schema": _TEXT, "required": True}} if etag else {}
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }


def _problems(*statuses: int) -> Schema:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
    return {
        str(status): {"description": "problem details", "content": content} for status in (*statuses, 503)
    }


def _without_null(schema: Schema) -> Schema:
    """Return the schema of a query's parameter, which is there or not but never null."""
    alternatives: list[Schema] = schema.get("anyOf", [])
    return alternatives[0] if alternatives else schema


def _a(kind: Kind) -> str:
    return {"evidence": "a piece of evidence"}.get(kind.name, f"a {kind.name}")
