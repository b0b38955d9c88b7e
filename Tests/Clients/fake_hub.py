"""A Hub on loopback that can be told to misbehave: two HTTP servers, one for the Hub itself and one for the store that it redirects to.

It keeps no time: it stalls until it is told to go on, and says when it does.
"""

import hashlib
import http.server
import json
import threading
import urllib.parse
from collections import defaultdict
from dataclasses import dataclass, field

LARGE = 64 << 10  # files from here on lie in the store, as LFS files do


def git_name(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Seen:
    """A request as it came."""

    server: str
    path: str
    headers: dict
    sent: int = 0
    status: int = 0

    @property
    def range_start(self) -> int | None:
        text = self.headers.get("range")
        return int(text.removeprefix("bytes=").split("-")[0]) if text else None


@dataclass
class Fault:
    """What goes wrong with one answer."""

    cut_at: int | None = None  # close after so many bytes of body
    hold_at: int | None = None  # stop there until `FakeHub.go_on` is set
    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: bytes | None = None  # instead of the file
    flip: int | None = None  # change the byte there
    say_length: int | None = None
    chunked: bool = False
    tag: str | None = None
    ignores_if_range: bool = False
    redirect: str | None = None


class FakeHub:
    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.commits: dict[str, str] = {}
        self.listing: dict[str, object] = {}  # by repository: what the listing says instead
        self.web: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.always: dict[str, Fault] = {}
        self.seen: list[Seen] = []
        self.lock = threading.Lock()
        self.holding, self.go_on = threading.Event(), threading.Event()
        self.barrier: threading.Barrier | None = None
        self.servers = {name: self._serve(name) for name in ("hub", "store")}

    def _serve(self, name: str) -> http.server.ThreadingHTTPServer:
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self, name)

            def log_message(self, *_) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    def close(self) -> None:
        self.go_on.set()
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.servers['hub'].server_port}"

    @property
    def store_url(self) -> str:
        """Another host by its name, on the same machine."""
        return f"http://localhost:{self.servers['store'].server_port}"

    def add(self, repository: str, files: dict[str, bytes]) -> str:
        """A new commit of a repository."""
        self.repositories[repository] = files
        names = "\n".join(f"{path} {sha256(content)}" for path, content in sorted(files.items()))
        self.commits[repository] = hashlib.sha1(names.encode()).hexdigest()
        return self.commits[repository]

    def requests(self, text: str = "", server: str | None = None) -> list[Seen]:
        with self.lock:
            return [seen for seen in self.seen if text in seen.path and server in (None, seen.server)]

    # Answers

    def answer(self, handler: http.server.BaseHTTPRequestHandler, server: str) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(handler.path).path)
        seen = Seen(server, handler.path, {name.lower(): value for name, value in handler.headers.items()})
        with self.lock:
            self.seen.append(seen)
            key = f"{server}:{path.rsplit('/', 1)[-1]}"
            fault = self.faults[key].pop(0) if self.faults[key] else self.always.get(key, Fault())
        try:
            parts = path.strip("/").split("/")
            if parts[:2] == ["api", "models"]:
                self._listing(handler, seen, "/".join(parts[2:4]), parts[5:], fault)
            elif len(parts) > 4 and parts[2] == "resolve":
                self._resolve(handler, seen, "/".join(parts[:2]), parts[3], "/".join(parts[4:]), fault)
            elif parts[0] == "store":
                repository, inside = "/".join(parts[1:3]), "/".join(parts[3:])
                content = self.repositories[repository][inside]
                self._content(handler, seen, content, fault.tag or f'"{sha256(content)[:20]}"', fault)
            elif parts[0] == "web" and parts[1] in self.web:
                self._content(handler, seen, self.web[parts[1]], fault.tag or self.tags.get(parts[1], '"one"'), fault)
            else:
                self._error(handler, seen, 404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True

    def _listing(self, handler, seen, repository, revision, fault) -> None:
        if repository not in self.repositories:
            return self._error(handler, seen, 404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        if revision not in (["main"], ["v1"], [self.commits[repository]]):
            return self._error(handler, seen, 404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
        siblings = []
        for path, content in self.repositories[repository].items():
            entry = {"rfilename": path, "size": len(content), "blobId": git_name(content)}
            if len(content) >= LARGE:
                entry["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        body = self.listing.get(repository, {"id": repository, "sha": self.commits[repository], "siblings": siblings})
        self._content(handler, seen, body if isinstance(body, bytes) else json.dumps(body).encode(), None, fault, "application/json")

    def _resolve(self, handler, seen, repository, commit, path, fault) -> None:
        content = self.repositories.get(repository, {}).get(path)
        if content is None or commit != self.commits[repository]:
            return self._error(handler, seen, 404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        headers = {"X-Repo-Commit": commit, **fault.headers}
        if len(content) < LARGE:
            fault.headers = headers
            return self._content(handler, seen, content, f'"{git_name(content)}"', fault, "text/plain; charset=utf-8")
        if fault.status:
            return self._error(handler, seen, fault.status, fault.headers)
        location = fault.redirect or f"{self.store_url}/store/{repository}/{urllib.parse.quote(path)}?X-Signature=secret"
        headers = {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content)), **headers, "Location": location}
        self._error(handler, seen, 302, headers)

    def _error(self, handler, seen, status, headers) -> None:
        seen.status = status
        handler.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    def _content(self, handler, seen, content, tag, fault, kind="application/octet-stream") -> None:
        if self.barrier and kind == "application/octet-stream":
            self.barrier.wait(20)
        if fault.redirect:
            return self._error(handler, seen, 302, {"Location": fault.redirect})
        if fault.body is not None:
            content = fault.body
        if fault.flip is not None:
            content = content[: fault.flip] + bytes([content[fault.flip] ^ 1]) + content[fault.flip + 1 :]
        start = seen.range_start
        matches = fault.ignores_if_range or seen.headers.get("if-range") in (None, tag)
        status, headers = fault.status or 200, {"Content-Type": kind}
        if tag:
            headers["ETag"] = tag
        if start is not None and matches and not fault.status:
            if start >= len(content):
                return self._error(handler, seen, 416, {"Content-Range": f"bytes */{len(content)}"})
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(content) - 1}/{len(content)}"
            content = content[start:]
        headers["Content-Length"] = str(len(content) if fault.say_length is None else fault.say_length)
        if fault.chunked:
            del headers["Content-Length"]
            headers["Transfer-Encoding"] = "chunked"
        headers.update(fault.headers)
        seen.status = status
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        self._body(handler, seen, content, fault)

    def _body(self, handler, seen, content, fault) -> None:
        stops = sorted(stop for stop in (fault.cut_at, fault.hold_at, len(content)) if stop is not None)
        for stop in stops:
            piece = content[seen.sent : stop]
            if piece:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if fault.chunked else piece)
                handler.wfile.flush()
                seen.sent += len(piece)
            if stop == fault.hold_at:
                self.holding.set()
                self.go_on.wait(60)
            if stop == fault.cut_at:
                handler.close_connection = True
                return
        if fault.chunked:
            handler.wfile.write(b"0\r\n\r\n")
        if fault.say_length is not None:
            handler.close_connection = True
