"""Where settings come from, and which are refused."""

from pathlib import Path

import pytest

from airegistry.core.errors import Invalid
from airegistry.settings import ClientSettings, Settings, load
from airegistry.settings_parts.storing import default_data

TOKEN = "operator-" + "t" * 23


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without airegistry.toml, and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in (*Settings.model_fields, *ClientSettings.model_fields):
        monkeypatch.delenv(f"AIREGISTRY_{name.upper()}", raising=False)
    return tmp_path


def test_defaults_are_safe_on_a_laptop() -> None:
    settings = load()
    assert (settings.url, settings.loopback, settings.tls_terminated) == ("http://127.0.0.1:8080", True, False)
    assert (settings.admin_token, settings.egress_allow, settings.environment) == (None, [], "dev")
    assert settings.public_catalog is False
    assert settings.data == default_data()


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load().port == 8080
    (empty_folder / "airegistry.toml").write_text('port = 1\nenvironment = "file"\negress_allow = ["a.test"]\n')
    assert (load().port, load().environment, load().egress_allow) == (1, "file", ["a.test"])
    monkeypatch.setenv("AIREGISTRY_PORT", "2")
    assert (load().port, load().environment) == (2, "file")
    assert load(port=3).port == 3
    assert load(port=None).port == 2


def test_every_setting_says_what_it_is_for() -> None:
    fields = {**Settings.model_fields, **ClientSettings.model_fields}
    assert [name for name, field in fields.items() if not (field.description or "").endswith(".")] == []


@pytest.mark.parametrize("token", ["", "t" * 31, "t" * 31 + " x", "t" * 31 + "é", "t" * 31 + "\n\n"])
def test_an_operators_token_that_is_short_or_fits_no_header_is_refused(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIREGISTRY_ADMIN_TOKEN", token)
    with pytest.raises(Invalid, match="AIREGISTRY_ADMIN_TOKEN") as refusal:
        load()
    assert not token or token not in str(refusal.value)


def test_a_secret_is_not_shown() -> None:
    settings = load(admin_token=TOKEN, admin_password="hunter22hunter22")
    assert settings.admin_token is not None
    assert settings.admin_token.get_secret_value() == TOKEN
    assert TOKEN not in repr(settings)
    assert "hunter22" not in repr(settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "127.0.0.1.nip.io"])
def test_nothing_listens_beyond_loopback_without_tls_in_front(host: str) -> None:
    with pytest.raises(Invalid, match="refusing to listen"):
        load(host=host)
    assert load(host=host, tls_terminated=True).loopback is False


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_tls(host: str) -> None:
    assert load(host=host).loopback is True


def test_the_url_is_that_of_the_socket_unless_a_public_one_is_given() -> None:
    assert load(host="::1", port=9).url == "http://[::1]:9"
    assert load(public_url="https://registry.test/prefix/").url == "https://registry.test/prefix"


@pytest.mark.parametrize(
    "url", ["registry.test", "ftp://x", "https://", "https://x/?a", "https://x/#a", "https://x:port", "https://x:99999"]
)
def test_a_public_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="AIREGISTRY_PUBLIC_URL"):
        load(public_url=url)


@pytest.mark.parametrize(
    ("given", "hosts"), [("", []), ("a", ["a"]), ("a, 10.0.0.0/8 ,,b:80", ["a", "10.0.0.0/8", "b:80"])]
)
def test_egress_exemptions_are_separated_by_commas(
    given: str, hosts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIREGISTRY_EGRESS_ALLOW", given)
    assert load().egress_allow == hosts


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", -1),
        ("port", 65_536),
        ("port", "x"),
        ("fetch_timeout", 0),
        ("max_body", 10),
        ("log_level", "loud"),
        ("environment", ""),
        ("tls_terminated", "perhaps"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_the_settings_name(name: str, value: object) -> None:
    with pytest.raises(Invalid, match=f"AIREGISTRY_{name.upper()}"):
        load(**{name: value})


def test_an_unknown_setting_in_the_file_is_refused(empty_folder: Path) -> None:
    (empty_folder / "airegistry.toml").write_text("prot = 1\n")
    with pytest.raises(Invalid, match="AIREGISTRY_PROT"):
        load()


def test_a_file_that_is_no_toml_is_refused(empty_folder: Path) -> None:
    (empty_folder / "airegistry.toml").write_text("port = \n")
    with pytest.raises(Invalid, match=r"airegistry\.toml: "):
        load()


def test_the_clients_settings_come_from_the_environment_and_do_not_disturb_the_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (ClientSettings().url, ClientSettings().token) == ("http://127.0.0.1:8080", None)
    monkeypatch.setenv("AIREGISTRY_URL", "https://registry.test")
    monkeypatch.setenv("AIREGISTRY_TOKEN", "secret")
    client = ClientSettings()
    assert client.url == "https://registry.test"
    assert client.token is not None
    assert load().url == "http://127.0.0.1:8080"
