"""What the log must never hold."""

import json
import logging
import logging.config
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from config.logs import configure
from integrations.secrets.scrubbing import DOTS, remember


@pytest.fixture
def written() -> Iterator[StringIO]:
    """The lines that production's formatter writes; structlog is given back as it was."""
    before = structlog.get_config()
    out = StringIO()
    handler = logging.StreamHandler(out)
    built = logging.config.DictConfigurator(configure(as_json=True, level="INFO"))  # type: ignore[attr-defined]
    handler.setFormatter(built.configure_formatter(built.config["formatters"]["lines"]))
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    logger.propagate = False
    yield out
    logger.removeHandler(handler)
    structlog.configure(**before)


def test_a_traceback_carries_no_variables(written: StringIO) -> None:
    secret = bytes(range(7, 39)).hex()

    def sign(private_key: str) -> None:
        raise RuntimeError("the disk is full")

    for logger in (logging.getLogger("tests.logs"), structlog.stdlib.get_logger("tests.logs")):
        try:
            sign(secret)
        except RuntimeError:
            logger.exception("it broke")
    lines = written.getvalue()
    assert len(lines.splitlines()) == 2
    assert "the disk is full" in lines and secret not in lines


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/inbound/s3cr3t/",
        "/accounts/invitation/s3cr3t/",
        "/accounts/password/reset/key/1-s3cr3t/",
        "/accounts/confirm-email/s3cr3t/",
        "/sign/s3cr3t/",
    ],
)
def test_an_address_that_is_a_secret_is_cut(written: StringIO, path: str) -> None:
    structlog.stdlib.get_logger("tests.logs").info("request_finished", request=f"POST {path}", code=202)
    logging.getLogger("tests.logs").warning("Not Found: %s", path)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert len(lines) == 2
    assert "s3cr3t" not in written.getvalue()
    assert lines[0]["request"].startswith("POST " + path[:6])


@pytest.mark.parametrize("as_json", [True, False])
def test_no_line_carries_the_value_of_a_named_secret(as_json: bool) -> None:
    """Fields, messages and tracebacks, of our loggers and of others."""
    before, out = structlog.get_config(), StringIO()
    handler = logging.StreamHandler(out)
    built = logging.config.DictConfigurator(configure(as_json=as_json, level="INFO"))  # type: ignore[attr-defined]
    handler.setFormatter(built.configure_formatter(built.config["formatters"]["lines"]))
    foreign = logging.getLogger("tests.logs.secrets")
    foreign.addHandler(handler)
    foreign.propagate = False
    remember('sk-"live"-log-0123456789')
    try:
        for logger in (foreign, structlog.stdlib.get_logger("tests.logs.secrets")):
            try:
                raise ValueError('refused sk-"live"-log-0123456789')
            except ValueError:
                logger.exception('it said sk-"live"-log-0123456789')
        structlog.stdlib.get_logger("tests.logs.secrets").info(
            "sent", headers={"Authorization": 'sk-"live"-log-0123456789'}
        )
    finally:
        foreign.removeHandler(handler)
        structlog.configure(**before)
    said = out.getvalue()
    assert "-log-0123456789" not in said and said.count(DOTS) >= 5
