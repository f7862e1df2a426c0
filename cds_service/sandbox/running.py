"""A WSGI application on a free loopback port, in a thread."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import make_server

from cds_service.errors import PracticeError


def require_port(port: int) -> None:
    """Raises: PracticeError where something else listens on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PracticeError(f"port {port} cannot be used ({error.strerror}); end what uses it, or set CDS_PORT") from error


@contextmanager
def running(app: Flask, port: int = 0) -> Iterator[str]:
    """The application's address while it runs."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
