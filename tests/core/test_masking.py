"""What is masked before it leaves the registry."""

from airegistry.core.masking import masked, masked_url


def test_secrets_are_known_by_their_names_and_urls_without_a_host_are_masked_whole() -> None:
    assert masked({"token_endpoint": "https://x.test/token", "tokens": 7, "keyboard": "a"}) == {
        "token_endpoint": "https://x.test/token", "tokens": "***", "keyboard": "a",
    }  # fmt: skip
    assert masked_url("http://[::1/x?token=1") == "***"
    assert masked_url("https://x.test/?sid=a1b2c3d4e5f6a1b2c3d4e5f6&city=Oslo") == "https://x.test/?sid=***&city=Oslo"
