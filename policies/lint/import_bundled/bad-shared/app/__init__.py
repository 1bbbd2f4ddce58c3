def build():
    from app import web

    return web
