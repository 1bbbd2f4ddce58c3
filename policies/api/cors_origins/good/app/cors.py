ORIGIN = "https://ledger.example.com"


def answer(response, request, origins):
    response.headers["Access-Control-Allow-Origin"] = ORIGIN
    origin = request.headers.get("Origin")
    if origin in origins:
        response.headers["Access-Control-Allow-Origin"] = origin
