"""Structured logs: one JSON object a line, with the request's id, and without what must not be there."""

import json
import logging
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
logger = logging.getLogger("esclusa")

_secrets: set[str] = set()
_MASK = "***"
NAMESPACE = "Esclusa"


def mask(secret: str) -> None:
    """Keep a secret out of every line from now on."""
    if len(secret) >= 8:  # a shorter one would blot out ordinary words
        _secrets.add(secret)


def masked(text: str) -> str:
    """Return the text without any known secret."""
    for secret in _secrets:
        text = text.replace(secret, _MASK)
    return text


def metrics(dimensions: dict[str, str], **values: tuple[float, str]) -> dict[str, Any]:
    """Return fields that make CloudWatch keep metrics of a line: each value with its unit, such as "Count".

    Each set of dimensions is a metric of its own, which costs: give what has few values.
    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    named = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": named}
    return {
        **dimensions,
        **{name: value for name, (value, _) in values.items()},
        "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
    }


class JsonFormatter(logging.Formatter):
    """Write a record as JSON; what a caller gives as `extra={"fields": {...}}` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return masked(json.dumps(line, default=str, ensure_ascii=False))


class _StandardOutput(logging.StreamHandler[Any]):
    """Writes to whatever sys.stdout is now: Lambda and tests both replace it."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def configure(level: str) -> None:
    """Send the application's records to standard output, which Lambda keeps; safe to repeat."""
    logger.setLevel(level)
    logger.propagate = False  # Lambda's own handler on the root logger would print each record again
    if not logger.handlers:
        handler = _StandardOutput()
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
