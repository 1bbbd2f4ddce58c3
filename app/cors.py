"""Cross-origin requests: configured origins are named back to the browser, others get nothing."""

from flask import Flask, Response, request

HEADERS = "Authorization, Content-Type, If-None-Match, X-Amz-Content-Sha256, X-Amz-Date, X-Amz-Security-Token"
MAX_AGE_SECONDS = "600"


def init_app(app: Flask, origins: frozenset[str], methods: tuple[str, ...]) -> None:
    """Add the headers of https://fetch.spec.whatwg.org/#http-cors-protocol to every response."""

    @app.after_request
    def _headers(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After"
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
                response.headers["Access-Control-Allow-Headers"] = HEADERS
                response.headers["Access-Control-Max-Age"] = MAX_AGE_SECONDS
        return response
