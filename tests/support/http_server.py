"""Serves the files of a folder with faults that servers have: /FAULT/NAME. Writes its port to the file `port`.

usage: http_server.py FOLDER        each request is a line of the file `requests`: PATH RANGE
"""
import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = {}

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        span = self.headers.get("Range", "-")
        with open("requests", "a") as file:
            file.write(f"{self.path} {span}\n")
        Handler.seen[self.path] = Handler.seen.get(self.path, 0) + 1
        fault, name = self.path.strip("/").split("/")
        first = Handler.seen[self.path] == 1
        if fault == "missing":
            return self.fail(404)
        if fault == "broken" or (fault == "busy" and first):
            return self.fail(503)
        if fault == "redirect":
            return self.fail(302, ("Location", f"/plain/{name}"))
        if fault == "to-file":
            return self.fail(302, ("Location", f"file://{os.path.abspath(name)}"))
        with open(name, "rb") as file:
            content = file.read()
        if fault == "wrong" or (fault == "wrong-once" and first):
            content = content[:-1] + bytes([content[-1] ^ 1])
        begin = 0
        if span.startswith("bytes=") and fault not in ("no-range", "no-range-cut"):
            begin = int(span[6:].split("-")[0])
            if begin >= len(content):
                return self.fail(416)
        self.send(content, begin, fault, first)

    def send(self, content, begin, fault, first):
        body = content[begin:]
        self.send_response(206 if begin > 0 else 200)
        if begin > 0:
            shown = begin + 1 if fault == "other-part" else begin
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        if fault == "endless":
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(body)
            except OSError:
                return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = fault in ("always-cut", "no-range-cut") or (fault in ("cut", "other-part") and first)
        if fault == "always-cut" and not first:
            body = b""
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def fail(self, status, *headers):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", "0")
        self.end_headers()


os.chdir(sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open("port.part", "w") as file:
    file.write(str(server.server_port))
os.rename("port.part", "port")
server.serve_forever()
