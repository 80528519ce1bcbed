"""Time-based codes, recovery codes, and how a secret is shown."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.oauth.login.second_factor import SecondFactor

FACTOR = SecondFactor()
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_the_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    assert FACTOR.step(RFC_SECRET, code, datetime.fromtimestamp(seconds, UTC)) == seconds // 30


@pytest.mark.parametrize(("off", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_device_may_be_one_step_off(off: int, taken: bool) -> None:
    secret = FACTOR.secret()
    code = pyotp.TOTP(secret).at(NOON, counter_offset=off)
    expected = int(NOON.timestamp()) // 30 + off if taken else None
    assert FACTOR.step(secret, code, NOON) == expected


def test_blanks_in_a_code_do_not_matter() -> None:
    assert FACTOR.step(RFC_SECRET, " 287 082\n", datetime.fromtimestamp(59, UTC)) == 1


@given(st.text(max_size=12))
def test_what_is_no_code_is_of_no_step(typed: str) -> None:
    assert FACTOR.step(RFC_SECRET, typed, NOON) is None or len(typed) >= 6


@pytest.mark.parametrize("typed", ["", "28708", "2870820", "٢٨٧٠٨٢", "２８７０８２", "28708a", "-28708"])
def test_a_code_has_six_digits_of_ascii(typed: str) -> None:
    assert FACTOR.step(RFC_SECRET, typed, datetime.fromtimestamp(59, UTC)) is None


def test_secrets_have_160_bits_and_are_never_the_same() -> None:
    secrets = {FACTOR.secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {32}


def test_there_are_ten_recovery_codes_of_eighty_bits() -> None:
    codes = FACTOR.recovery_codes()
    assert len(set(codes)) == 10
    assert all([len(part) for part in code.split("-")] == [4, 4, 4, 4] for code in codes)


def test_a_recovery_code_is_kept_as_a_hash_that_does_not_mind_how_it_is_typed() -> None:
    code = FACTOR.recovery_codes()[0]
    kept = FACTOR.recovery_hash(code)
    assert code not in kept
    assert {FACTOR.recovery_hash(typed) for typed in (code.lower(), code.replace("-", ""), f" {code}\n")} == {kept}
    assert FACTOR.recovery_hash(code[:-1]) != kept
    assert FACTOR.recovery_hash("\ud800")


def test_authenticator_apps_are_told_the_account_and_the_registry() -> None:
    uri = SecondFactor("Registry & Co").uri(RFC_SECRET, "ann@example.org")
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [RFC_SECRET], "issuer": ["Registry & Co"]}
    assert pyotp.parse_uri(uri).name == "ann@example.org"


def test_the_qr_code_is_an_image_without_script_style_or_reference() -> None:
    svg = FACTOR.qr(FACTOR.uri(RFC_SECRET, "ann"))
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "g", "path"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert attributes <= {"width", "height", "class", "transform", "fill", "stroke", "d"}
    assert RFC_SECRET not in svg


def test_codes_change_every_thirty_seconds() -> None:
    code = pyotp.TOTP(RFC_SECRET).at(NOON)
    assert FACTOR.step(RFC_SECRET, code, NOON + timedelta(seconds=59)) is not None
    assert FACTOR.step(RFC_SECRET, code, NOON + timedelta(seconds=60)) is None
