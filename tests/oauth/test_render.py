"""Pages escape what they are given."""

import re

from airegistry.oauth.login.render import Html, fragment, joined, message

HOSTILE = "<script>alert(1)</script>\"'&$name ${x}"


def test_outside_text_is_shown_and_never_markup() -> None:
    answer = message("Title", HOSTILE, status=400)
    body = bytes(answer.body).decode()
    assert "<script" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;$name ${x}" in body
    assert answer.status_code == 400


def test_a_page_allows_nothing_but_its_own_style() -> None:
    first, second = (message("Title", "Text", status=200) for _ in range(2))
    policy = first.headers["content-security-policy"]
    nonce = re.search(r"style-src 'nonce-([^']+)'", policy)
    assert nonce
    assert f'<style nonce="{nonce[1]}">' in bytes(first.body).decode()
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert nonce[1] not in second.headers["content-security-policy"]


def test_a_page_names_no_form_action() -> None:
    """Trap 11: browsers apply form-action to the redirect that leads to the client's own address."""
    assert "form-action" not in message("Title", "Text", status=200).headers["content-security-policy"]


def test_a_page_is_neither_kept_nor_framed_nor_told_of() -> None:
    headers = message("Title", "Text", status=200).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"


def test_markup_of_our_own_is_put_in_as_it_is() -> None:
    inner = joined([fragment("message", heading="A", text="<b>"), Html("<hr>")])
    assert inner == "<h1>A</h1>\n<p>&lt;b&gt;</p>\n<hr>"
