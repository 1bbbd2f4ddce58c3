def answer(response):
    response.headers["Access-Control-Allow-Origin"] = "*" # fault


def echo(response, request):
    response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"] # fault


def careless(response, request):
    origin = request.headers.get("Origin")
    if origin is not None:
        response.headers["access-control-allow-origin"] = origin # fault


def lax(response, request, origins):
    caller_origin = request.headers.get("Origin")
    if caller_origin and (caller_origin in origins or request.method in METHODS):
        response.headers["Access-Control-Allow-Origin"] = caller_origin # fault
