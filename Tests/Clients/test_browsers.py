"""Web pages that a browser lets ask for what they like, and programs that must not be taken for one."""

import http.client
import json

import pytest
from conftest import Server, required, serving

BODY = {"prompt": "One two", "max_tokens": 1}
PAGE = "https://page.example"


@pytest.fixture(scope="module")
def paged(logs):
    """A server that one page may use, and that has another name besides."""
    arguments = ["--cors-origin", PAGE, "--allowed-host", "gpu.lan", "--context", "256", "--threads", "1"]
    yield from serving(required("RESA_MODEL"), logs / "paged.log", *arguments)


def ask(server: Server, host: str, headers: dict | None = None, method: str = "POST", body: bytes = json.dumps(BODY).encode()):
    """One request with exactly these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    try:
        connection.putrequest(method, "/v1/completions", skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host, "Content-Length": str(len(body)), **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "LOCALHOST", "127.0.0.1"])
def test_names_of_this_machine(server, host):
    assert ask(server, host.format(port=server.port), {"Content-Type": "application/json"})[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "gpu.lan"])
def test_a_name_that_was_made_to_mean_this_machine(server, host):
    """DNS rebinding: for the browser, page and server are the same."""
    host = host.format(port=server.port)
    status, _, body = ask(server, host, {"Content-Type": "application/json", "Origin": f"http://{host}"})
    assert status == 403 and json.loads(body)["error"]["code"] == "host_not_allowed" and b"--allowed-host" in body


def test_a_name_that_the_operator_allows(paged):
    assert ask(paged, "gpu.lan", {"Content-Type": "application/json"})[0] == 200
    assert ask(paged, "gpu.lan:80", {"Origin": "http://gpu.lan", "Content-Type": "application/json"})[0] == 200
    assert ask(paged, "lan.gpu")[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Content-Type": "text/plain;charset=UTF-8", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Content-Type": "application/x-www-form-urlencoded"},
        {"Origin": "https://evil.example", "Content-Type": "application/json"},
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Content-Type": "multipart/form-data; boundary=x"},
        {"Origin": "http://localhost:3000", "Content-Type": "text/plain"},
        {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_pages_of_elsewhere_send_generates_nothing(server, headers):
    before = server.metric("resa_prompt_tokens_total")
    for method in ("POST", "DELETE", "PUT"):
        status, answered, body = ask(server, f"127.0.0.1:{server.port}", headers, method)
        assert status == 403 and json.loads(body)["error"]["code"] == "origin_not_allowed"
        assert answered["access-control-allow-origin"] is None
    assert server.metric("resa_prompt_tokens_total") == before


def test_pages_post_json_as_json(paged):
    host = f"127.0.0.1:{paged.port}"
    assert ask(paged, host, {"Origin": PAGE, "Content-Type": "application/json"})[0] == 200
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert ask(paged, host, {"Origin": PAGE, "Content-Type": kind})[0] == 415


def test_programs_are_left_alone(server):
    """curl says that it sends a form, node says Sec-Fetch-Mode, many say nothing."""
    host = f"127.0.0.1:{server.port}"
    for headers in [{"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "text/plain"}, {"Sec-Fetch-Mode": "cors"}, {}]:
        assert ask(server, host, headers)[0] == 200


def test_openais_javascript_client_may_ask(paged):
    """What a browser asks before it sends what that client wants to, and what it lets the page read."""
    asked = "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout"
    origin = {"Origin": PAGE}
    question = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    answer = paged.request("OPTIONS", "/v1/chat/completions", headers=question)
    assert answer.status == 204 and answer.headers["access-control-allow-origin"] == PAGE
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert allowed == set(asked.split(","))
    assert "POST" in answer.headers["access-control-allow-methods"] and int(answer.headers["access-control-max-age"]) > 0
    assert "Origin" in answer.headers["vary"]
    sent = paged.post("/v1/completions", BODY, {**origin, **{name: "x" for name in asked.split(",")[2:]}})
    assert sent.status == 200 and sent.headers["access-control-allow-origin"] == PAGE and "Origin" in sent.headers["vary"]
    stream = paged.post("/v1/completions", {**BODY, "stream": True}, origin)
    assert stream.headers["access-control-allow-origin"] == PAGE and stream.body.endswith(b"data: [DONE]\n\n")
    wrong = paged.post("/v1/completions", {"prompt": 5}, origin)
    assert wrong.status == 400 and wrong.headers["access-control-allow-origin"] == PAGE
    evil = paged.request("OPTIONS", "/v1/chat/completions", headers={**question, "Origin": "https://evil.example"})
    assert evil.status == 403 and evil.headers["access-control-allow-origin"] is None
