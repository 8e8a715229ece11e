"""Serves moto on a free port of loopback; servers.py runs it with the Python that has moto. Prints
the port and serves until standard input ends, so that it never outlives a test that was killed.

Unlike moto_server it takes the port from the system (no race for it) and answers in HTTP/1.1 as AWS
does, though it closes each connection behind its answer.
"""
import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, *_):
        """Nothing: moto's own errors still come on standard error."""


server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app),
                     threaded=True, request_handler=Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.buffer.read()
# Threads that wait in a long poll are not waited for.
os._exit(0)
