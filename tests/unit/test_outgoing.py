"""The client for users' addresses, against real servers that are slow, refuse, hang up, flood and lead elsewhere."""

import datetime
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import strategies

from integrations import outgoing
from integrations.outgoing import (
    BadRequest,
    Forbidden,
    OutgoingError,
    Unanswered,
    Unreachable,
    Unusable,
    is_public,
    request,
)
from tests.receiver import Receiver, answer, hang_up, raw, receiver

PRIVATE = (
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "64:ff9b::a9fe:a9fe"),
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808")


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    with receiver() as made:
        settings.OUTGOING_ALLOW = [made.place]
        yield made


@pytest.mark.parametrize("text", PRIVATE)
def test_no_private_address_in_any_spelling(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0",
        ),
        *("localhost.", "LOCALHOST", "\uff11\uff12\uff17.0.0.1", "\u24dbocalhost", "127.0.0.1."),
    ],
)
def test_every_spelling_of_this_machine_is_refused_and_nothing_connects(host: str) -> None:
    with receiver() as there:
        with pytest.raises((Forbidden, Unreachable)) as caught:
            request("POST", f"https://{host}:{there.port}/", body=b"{}")
        assert there.connections == 0 and not caught.value.received


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/", "ftp://example.org/", "https://", "https:///x", "example.org", "https://a b/", ""),
        *("https://user:pass@example.org/", "https://user@example.org/", "https://example.org:99999/"),
        *("https://exa\nmple.org/", "https://example.org/\r\nX: y", "file:///etc/passwd", "https://[::1%25eth0]/"),
        *("https://good.example\\@127.0.0.1/", "https://good.example:443:80/", "https://a..b/", "https://%31%32%37.1/"),
        "https://" + "a" * 2_000,
    ],
)
def test_what_is_no_address_is_refused_for_good(url: str) -> None:
    with pytest.raises(BadRequest) as caught:
        request("GET", url)
    assert caught.value.permanent and not caught.value.received


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X y": "a"}, {"Host": "other"}, {"Content-Length": "5"}, {"X": "ä"}, {"": "x"}],
)
def test_headers_cannot_smuggle(there: Receiver, headers: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        request("GET", there.url, headers=headers)
    assert there.connections == 0


def test_a_request_and_its_answer(there: Receiver) -> None:
    there.otherwise = answer(201, {"price": 1.5, "wei": 2**255}, {"X-Id": "7"})
    steps: list[int] = []
    got = request(
        "POST",
        there.url + "/a/ü?q=1 2".replace(" ", "%20"),
        headers={"Idempotency-Key": "k1"},
        body=b'{"a":1}',
        before_sending=lambda: steps.append(len(there.received)),
    )
    assert (got.status, got.headers["x-id"], got.json()["wei"]) == (201, "7", 2**255)
    assert str(got.json()["price"]) == "1.5"
    sent = there.received[0]
    assert (sent.method, sent.path, sent.key, sent.json()) == ("POST", "/a/%C3%BC?q=1%202", "k1", {"a": 1})
    assert sent.headers["host"] == there.place and steps == [0]


def test_the_proxies_of_the_environment_are_not_used(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert request("GET", there.url).status == 200


def test_a_name_is_checked_by_what_it_resolves_to_and_connected_to_just_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when looked up first, this machine when looked up again. It is looked up once."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: str, port: int, *args: Any, **kw: Any) -> Any:
        if host != "rebind.example":
            return real(host, port, *args, **kw)
        asked.append(host)
        address = "203.0.114.7" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    connected: list[Any] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        raise OSError(113, "No route to host")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Unreachable):
        request("GET", "https://rebind.example/")
    assert connected == [("203.0.114.7", 443)] and asked == ["rebind.example"]
    with pytest.raises(Forbidden, match=r"127\.0\.0\.1"):
        request("GET", "https://rebind.example/")


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: both)
    with pytest.raises(Forbidden, match=r"10\.0\.0\.1"):
        request("GET", "https://mixed.example/")


def test_a_refused_connection_was_not_received(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings.OUTGOING_ALLOW = [f"127.0.0.1:{port}"]
    with pytest.raises(Unreachable, match="refused") as caught:
        request("POST", f"http://127.0.0.1:{port}/")
    assert not caught.value.received and not caught.value.permanent


@pytest.mark.parametrize(
    "behaviour",
    [
        hang_up,
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort"),
        raw(b"not http at all\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
    ],
    ids=["silence", "short", "short-chunk", "no-http", "too-many-headers"],
)
def test_a_lost_answer_may_have_been_received(there: Receiver, behaviour: Any) -> None:
    there.script = [behaviour]
    with pytest.raises(Unanswered) as caught:
        request("POST", there.url, body=b"{}")
    assert caught.value.received and not caught.value.permanent and len(there.received) == 1


def test_no_answer_ends_in_time(there: Receiver) -> None:
    there.script = [there.say_nothing]
    began = time.monotonic()
    with pytest.raises(Unanswered, match="in time"):
        request("GET", there.url, timeout=0.4)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["head", "body", "continue"]
)
def test_a_server_that_drips_is_cut_off_in_total(there: Receiver, first: bytes) -> None:
    there.script = [raw(first, *[b"a"] * 100, pause=0.05)]
    began = time.monotonic()
    with pytest.raises(Unanswered, match="in time"):
        request("GET", there.url, timeout=0.5)
    assert time.monotonic() - began < 3


def test_a_receiver_that_reads_nothing_is_cut_off(there: Receiver) -> None:
    there.before_reading = lambda _connection: not there.stopped.wait(60)
    began = time.monotonic()
    with pytest.raises(Unanswered):
        request("POST", there.url, body=b"x" * 1_000_000, timeout=0.5)
    assert time.monotonic() - began < 3


def test_a_flood_is_cut_off(there: Receiver) -> None:
    there.script = [raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65_536] * 64)]
    with pytest.raises(Unusable, match="more than 100,000 bytes") as caught:
        request("GET", there.url, max_bytes=100_000)
    assert caught.value.received


def test_an_encoding_nobody_asked_for_is_not_unpacked(there: Receiver) -> None:
    there.script = [answer(200, b"\x1f\x8b", {"Content-Encoding": "gzip"})]
    with pytest.raises(Unusable, match="encoding"):
        request("GET", there.url)


@pytest.mark.parametrize("body", [b"", b"nope", b'{"a": NaN}', b"[" * 100_000, b"9" * 10_000], ids=range(5))
def test_what_is_no_json_says_so(there: Receiver, body: bytes) -> None:
    there.script = [answer(200, body)]
    with pytest.raises(Unusable, match="not with JSON"):
        request("GET", there.url).json()


def test_redirects_are_followed_only_when_told_and_only_for_reads(there: Receiver) -> None:
    there.otherwise = answer(302, b"", {"Location": "/elsewhere"})
    assert request("GET", there.url).status == 302
    assert request("POST", there.url, redirects=3).status == 302
    assert len(there.received) == 2
    there.script = [answer(302, b"", {"Location": "/elsewhere"}), answer(200, {"ok": True})]
    assert request("GET", there.url, redirects=1).json() == {"ok": True}
    assert there.received[-1].path == "/elsewhere"
    there.otherwise = answer(302, b"", {"Location": "/again"})
    assert request("GET", there.url, redirects=2).status == 302
    assert len(there.received) == 7


@pytest.mark.parametrize(
    "where", ["https://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/", "file:///etc/passwd", "gopher://x/"]
)
def test_every_hop_is_checked(there: Receiver, where: str) -> None:
    there.script = [answer(302, b"", {"Location": where})]
    with pytest.raises((Forbidden, BadRequest)):
        request("GET", there.url, redirects=3)


def test_headers_do_not_follow_to_another_host(there: Receiver, settings: Any) -> None:
    with receiver() as other:
        settings.OUTGOING_ALLOW = [there.place, other.place]
        there.script = [answer(307, b"", {"Location": other.url + "/x"})]
        request("GET", there.url, headers={"Authorization": "Bearer s3cret"}, redirects=1)
        assert "authorization" not in other.received[0].headers
        assert there.received[0].headers["authorization"] == "Bearer s3cret"


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


def test_a_certificate_nobody_vouches_for_stops_before_anything_is_sent(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, context = _certificate(tmp_path)
    with receiver(tls=context) as there:
        settings.OUTGOING_ALLOW = [there.place]
        url = there.url.replace("http:", "https:")
        with pytest.raises(Unreachable, match="certificate") as caught:
            request("POST", url, headers={"Authorization": "s3cret"}, body=b"{}")
        assert not caught.value.received and not there.received
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        assert request("POST", url, body=b"{}").status == 200
        there.script = [raw(b"HTTP/1.1 200 OK\r\n", *[b"a"] * 100, pause=0.05)]
        began = time.monotonic()
        with pytest.raises(Unanswered, match="in time"):
            request("GET", url, timeout=0.5)
        assert time.monotonic() - began < 3
        with pytest.raises(Unreachable, match="certificate"):
            monkeypatch.setattr(outgoing, "_resolve", lambda target, end: [ipaddress.ip_address("127.0.0.1")])
            settings.OUTGOING_ALLOW = [f"other.example:{there.port}"]
            request("GET", f"https://other.example:{there.port}/")


def test_an_exception_of_before_sending_keeps_the_request_back(there: Receiver) -> None:
    def stop() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        request("POST", there.url, body=b"{}", before_sending=stop)
    assert not there.received


def test_when_no_time_is_left_nothing_is_sent_and_that_is_known(there: Receiver) -> None:
    with pytest.raises(Unreachable, match="no time was left") as caught:
        request("POST", there.url, body=b"{}", timeout=0.3, before_sending=lambda: time.sleep(0.4))
    assert not caught.value.received and not there.received


@hypothesis.settings(max_examples=80, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    head=strategies.sampled_from(
        [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
    ),
    rest=strategies.binary(max_size=300),
)
def test_whatever_a_server_sends_is_an_answer_or_a_typed_error(there: Receiver, head: bytes, rest: bytes) -> None:
    there.script = [raw(head + rest)]
    try:
        got = request("GET", there.url, timeout=3)
    except OutgoingError as error:
        assert error.received and error.message
    else:
        assert 100 <= got.status <= 999 and isinstance(got.body, bytes)
