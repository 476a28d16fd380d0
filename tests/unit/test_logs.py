"""What the log must never hold."""

import json
import logging
import logging.config
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from config.logs import configure


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
    ],
)
def test_an_address_that_is_a_secret_is_cut(written: StringIO, path: str) -> None:
    structlog.stdlib.get_logger("tests.logs").info("request_finished", request=f"POST {path}", code=202)
    logging.getLogger("tests.logs").warning("Not Found: %s", path)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert len(lines) == 2
    assert "s3cr3t" not in written.getvalue()
    assert lines[0]["request"].startswith("POST " + path[:10])
