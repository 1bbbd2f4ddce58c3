"""A listener on loopback for stand-ins of servers."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def listening(accept: Callable[[socket.socket], None]) -> Iterator[int]:
    """Let `accept` take connections in a thread of its own, as long as the context lasts; give the port.

    At the end its `accept()` raises OSError.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
