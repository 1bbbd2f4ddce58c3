def answer(response):
    response.headers["Access-Control-Allow-Origin"] = "*" # fault
