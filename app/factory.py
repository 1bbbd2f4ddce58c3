"""The application, put together: what every request goes through, and whatever folder of `app/` has an `init_app`."""

import importlib
import pkgutil
import time
import uuid
from pathlib import Path

from flask import Flask, Response, g, request

from app import cors, health, log, problems, secret_key, static
from app.config import Config
from app.state import State


def build(config: Config) -> Flask:
    """The application of these settings."""
    app = Flask(__package__)
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    app.extensions["esclusa"] = State.of(config)
    if config.session_secret_arn:
        secret_key.init_app(app, config.session_secret_arn)
    log.configure(config.log_level)
    problems.init_app(app)
    static.init_app(app)
    _log_requests(app, config.environment)
    cors.init_app(app, config.cors_origins, config.cors_methods)
    app.register_blueprint(health.blueprint)
    for package in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if package.ispkg:  # a feature: a folder with `init_app`, such as the ledger; delete it and it is gone
            importlib.import_module(f"{__package__}.{package.name}").init_app(app)
    return app


def _log_requests(app: Flask, environment: str) -> None:
    """Log and measure each request with its id; neither address nor query nor body, which may hold personal data."""

    @app.before_request
    def _begin() -> None:
        g.began = time.perf_counter()
        context = request.environ.get("aws.context")
        log.request_id.set(getattr(context, "aws_request_id", None) or str(uuid.uuid4()))

    @app.after_request
    def _end(response: Response) -> Response:
        response.headers["X-Request-Id"] = log.request_id.get() or ""
        response.headers["X-Content-Type-Options"] = "nosniff"
        milliseconds = round((time.perf_counter() - g.began) * 1000, 1)
        # A route has few values, a path has any that a stranger makes up. Below INFO neither line nor metric is kept.
        route = request.url_rule.rule if request.url_rule else "none"
        fields = {
            "method": request.method,
            "status": response.status_code,
            **log.metrics(
                {"environment": environment, "route": route},
                milliseconds=(milliseconds, "Milliseconds"),
                errors=(float(response.status_code >= 500), "Count"),
            ),
        }
        log.logger.info("request", extra={"fields": fields})
        return response
