from app.wsgi import respond

handler = respond
