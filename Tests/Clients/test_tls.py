"""`resa serve --tls-cert --tls-key`: what clients get, what becomes of a new certificate, and of clients that speak no TLS."""

import os
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import httpx2 as httpx
import openai
import pytest
from conftest import Server, required


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """A certificate authority of this test's own, and certificates for this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.file = folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=resa test",
                "-keyout", str(folder / "ca.key"), "-out", str(self.file))

    def issue(self, name: str, *days: str) -> tuple[Path, Path]:
        """`days` are options of `openssl x509`; the certificate is good for two days without."""
        self.count += 1
        certificate, key, request = (self.folder / f"{name}{end}" for end in (".pem", ".key", ".csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", str(key),
                "-out", str(request))
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.file), "-CAkey", str(self.folder / "ca.key"), "-set_serial",
                str(self.count), "-extfile", str(extensions), *(days or ("-days", "2")), "-out", str(certificate))
        return certificate, key


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class SecureServer(Server):
    """A server that is asked by https."""

    def __init__(self, folder: Path, authority: Authority, *arguments: str) -> None:
        self.certificate, self.key = folder / "server.pem", folder / "server.key"
        self.place(*authority.issue("first"))
        self.context = ssl.create_default_context(cafile=str(authority.file))
        super().__init__(
            required("RESA_MODEL"), folder / "log", "--tls-cert", str(self.certificate), "--tls-key", str(self.key), "--context", "512",
            *arguments)
        self.url = f"https://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, verify=self.context, timeout=600)
        self.client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0, http_client=self.http)

    def _port(self) -> int:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            for line in self.log.read_text(errors="replace").splitlines():
                if "https://127.0.0.1:" in line:
                    return int(line.rsplit(":", 1)[1])
            assert "http://127" not in self.log.read_text(errors="replace")
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text(errors="replace"))
            time.sleep(0.05)
        raise RuntimeError("no address")

    def place(self, certificate: Path, key: Path) -> None:
        """Puts a new pair in the place of the one before, as tools that renew certificates do."""
        for source, target in ((key, self.key), (certificate, self.certificate)):
            new = target.with_suffix(".new")
            new.write_bytes(source.read_bytes())
            os.replace(new, target)

    def subject(self) -> str:
        """The name on the certificate that a new connection gets."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=600) as plain:
            with self.context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                return dict(pair[0] for pair in secure.getpeercert()["subject"])["commonName"]

    def until(self, condition) -> None:
        deadline = time.monotonic() + 600
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")[-2000:]
            time.sleep(0.1)

    def metric(self, name: str) -> float:
        text = self.http.get("/metrics").text
        return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


@pytest.fixture(scope="module")
def secure(tmp_path_factory, authority):
    server = SecureServer(tmp_path_factory.mktemp("secure"), authority, "--tls-handshake-timeout", "2")
    yield server
    server.assert_alive()
    server.http.close()
    assert server.stop() == 0



def test_chat_whole_and_streamed(secure):
    model = secure.client.models.list().data[0].id
    whole = secure.client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=12, temperature=0).choices[0].message.content
    pieces = secure.client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=12, temperature=0, stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == whole


def test_versions_and_protocol(secure):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", secure.port), timeout=600) as plain:
            with context.wrap_socket(plain) as connection:
                assert connection.version() == version.name.replace("_", ".")
                assert connection.selected_alpn_protocol() == "http/1.1"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", secure.port), timeout=600) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain).do_handshake()


def test_big_bodies(secure):
    # More than any buffer on the way holds, one way and the other.
    reply = secure.http.post("/tokenize", json={"prompt": "word " * 500_000})
    assert reply.status_code == 200 and reply.json()["count"] >= 500_000
    assert secure.http.post("/tokenize", content=b"x" * (20 << 20)).status_code == 413


def test_plain_http_is_closed_without_a_word(secure):
    before = secure.metric("resa_tls_handshake_failures_total")
    with socket.create_connection(("127.0.0.1", secure.port), timeout=600) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        data = b""
        while piece := plain.recv(4096):
            data += piece
    assert b"HTTP" not in data
    secure.until(lambda: secure.metric("resa_tls_handshake_failures_total") > before)


def test_slow_handshakes_are_given_up(secure):
    before = secure.metric("resa_tls_handshake_failures_total")
    silent = [socket.create_connection(("127.0.0.1", secure.port), timeout=600) for _ in range(8)]
    try:
        silent[0].sendall(b"\x16\x03\x01\x02")
        assert all(connection.recv(1) == b"" for connection in silent)
        assert secure.http.get("/health").status_code == 200
        assert secure.metric("resa_tls_handshake_failures_total") == before + 8
    finally:
        for connection in silent:
            connection.close()


def test_a_new_certificate_while_a_stream_runs(secure, authority):
    assert secure.subject() == "first"
    model = secure.client.models.list().data[0].id
    stream = secure.client.completions.create(
        model=model, prompt="Once", max_tokens=200, temperature=0, stream=True, extra_body={"ignore_eos": True})
    first = next(iter(stream))
    assert first.choices
    secure.place(*authority.issue("second"))
    secure.until(lambda: secure.subject() == "second")
    pieces = [piece for piece in stream]
    assert pieces[-1].choices[0].finish_reason == "length"
    # What is of no use leaves the one before.
    secure.certificate.write_text("no certificate")
    secure.until(lambda: secure.subject() == "second" and "of no use" in secure.log.read_text(errors="replace"))
    secure.place(*authority.issue("third"))
    secure.until(lambda: secure.subject() == "third")


def test_ends_are_announced(secure):
    with socket.create_connection(("127.0.0.1", secure.port), timeout=600) as plain:
        # An end without close_notify would be an error here.
        with secure.context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            data = b""
            while piece := connection.recv(4096):
                data += piece
            assert data.startswith(b"HTTP/1.1 200")


def test_leaving_cancels(secure):
    model = secure.client.models.list().data[0].id
    before = secure.metric("resa_hang_ups_total")
    stream = secure.client.completions.create(
        model=model, prompt="Once", max_tokens=400, temperature=0, stream=True, extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    secure.until(lambda: secure.metric("resa_hang_ups_total") == before + 1)


def test_many_at_once(secure):
    model = secure.client.models.list().data[0].id
    answers = []

    def one() -> None:
        with httpx.Client(base_url=secure.url, verify=secure.context, timeout=600) as http:
            client = openai.OpenAI(base_url=f"{secure.url}/v1", api_key="none", max_retries=0, http_client=http)
            answers.append(client.completions.create(model=model, prompt="Once", max_tokens=8, temperature=0).choices[0].text)

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12 and len(set(answers)) == 1


def test_bench_trusts_an_authority(secure, authority):
    command = [required("RESA_BIN"), "bench", "serve", "--url", secure.url, "--clients", "2", "--requests", "4", "--max-tokens", "4"]
    trusted = subprocess.run([*command, "--ca-file", str(authority.file)], capture_output=True, text=True)
    assert trusted.returncode == 0, trusted.stderr
    untrusted = subprocess.run(command, capture_output=True, text=True)
    assert untrusted.returncode != 0 and "cannot reach" in untrusted.stderr, untrusted.stderr


def refusal(*arguments: str) -> str:
    run = subprocess.run(
        [required("RESA_BIN"), "serve", "--no-store", "--model", required("RESA_MODEL"), "--port", "0", *arguments], capture_output=True,
        text=True, timeout=600)
    assert run.returncode != 0 and "listening" not in run.stdout + run.stderr
    return run.stderr


def test_bad_files_end_the_start(authority, tmp_path):
    certificate, key = map(str, authority.issue("good"))
    _, other = map(str, authority.issue("other"))
    nothing, empty = str(tmp_path / "nothing"), tmp_path / "empty"
    empty.write_text("")
    locked = tmp_path / "locked.key"
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", str(locked))
    assert "No such file" in refusal("--tls-cert", nothing, "--tls-key", key)
    assert "No such file" in refusal("--tls-cert", certificate, "--tls-key", nothing)
    assert "wanted certificates in PEM" in refusal("--tls-cert", str(empty), "--tls-key", key)
    assert "wanted one private key in PEM without a password" in refusal("--tls-cert", certificate, "--tls-key", str(empty))
    assert "without a password" in refusal("--tls-cert", certificate, "--tls-key", str(locked))
    assert "is not the key of the first certificate" in refusal("--tls-cert", certificate, "--tls-key", other)
    assert "--tls-key goes with --tls-cert" in refusal("--tls-key", key)
    assert "--tls-cert goes with --tls-key" in refusal("--tls-cert", certificate)
    expired, its_key = map(str, authority.issue("old", "-days", "-1"))
    assert "renew it" in refusal("--tls-cert", expired, "--tls-key", its_key)
