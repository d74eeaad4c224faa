"""ClickHouse's HTTP interface over the engine of the Python package chdb, as far as the store uses it.

usage: chdb_http.py FOLDER     prints the port it listens on; many connections, one query at a time, on loopback
"""
import http.server
import os
import sys
import threading
import urllib.parse

from chdb import session

FOLDER = sys.argv[1]
ENGINE = session.Session(os.path.join(FOLDER, "engine"))
ONE_AT_A_TIME = threading.Lock()
# What an interface over HTTP takes and the engine in this process does not.
OF_HTTP = {"query", "query_id", "wait_end_of_query", "send_progress_in_http_headers", "readonly", "database",
           "cancel_http_readonly_queries_on_client_close", "max_query_size"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        with ONE_AT_A_TIME:
            status, text = self.answer()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer(self):
        parameters = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            for name, value in parameters.items():
                if name not in OF_HTTP:
                    ENGINE.query(f"SET {name} = {value}")
            if "query" in parameters:
                path = os.path.join(FOLDER, "body")
                with open(path, "wb") as file:
                    file.write(body)
                head, _, form = parameters["query"].rpartition(" FORMAT ")
                packed = " COMPRESSION 'zstd'" if self.headers.get("Content-Encoding") == "zstd" else ""
                answer = ENGINE.query(f"{head} FROM INFILE '{path}'{packed} FORMAT {form}")
            else:
                answer = ENGINE.query(body.decode("utf-8", "surrogateescape"), "TabSeparated")
            return 200, answer.bytes()
        except Exception as error:  # The engine's errors come as many kinds.
            return 500, str(error).encode()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
