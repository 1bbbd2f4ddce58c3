"""Mends of the server itself."""

from ministack import app


def one_port() -> None:
    """ministack also listens on port 443 where it may, for every sandbox the same. Here: on its own port alone."""
    app._port_is_bindable = lambda _host, _port: False


MENDS = (one_port,)
