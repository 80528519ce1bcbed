"""Second factors: time-based codes (RFC 6238) of an authenticator app, and recovery codes."""

import base64
import hashlib
import re
import secrets
from datetime import datetime

import pyotp
from pyotp.exceptions import OTPVerificationError

RECOVERY_CODES = 10
WINDOW = 1
"""Steps of 30 seconds by which a device's clock may be off."""

_CODE = re.compile(r"[0-9]{6}")
_TYPED = re.compile(r"[\s-]+")


class SecondFactor:
    """The core's `SecondFactors` port, and how a new secret is shown. `issuer` is what apps list the account under."""

    def __init__(self, issuer: str = "AI Registry") -> None:
        self._issuer = issuer

    def secret(self) -> str:
        """160 random bits in base32."""
        return pyotp.random_base32()

    def step(self, secret: str, code: str, at: datetime) -> int | None:
        """The time step whose code this is, of the one at a moment and its neighbours; None when it is none of them."""
        typed = _TYPED.sub("", code)
        if not _CODE.fullmatch(typed):
            return None
        try:
            return pyotp.TOTP(secret).verify_and_get_timecode(typed, for_time=at, valid_window=WINDOW)
        except OTPVerificationError:
            return None

    def recovery_codes(self) -> list[str]:
        """Ten codes of 80 random bits, in four groups as persons copy them."""
        plain = (base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES))
        return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in plain]

    def recovery_hash(self, code: str) -> str:
        """A code has 80 random bits, so a plain SHA-256 cannot be searched."""
        return hashlib.sha256(_TYPED.sub("", code).upper().encode("utf-8", "replace")).hexdigest()

    def uri(self, secret: str, account: str) -> str:
        """The `otpauth:` URI that authenticator apps read."""
        return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=self._issuer)

    def qr(self, uri: str) -> str:
        """That URI as a QR code: an `<svg>` element without script or style."""
        import segno  # its tables are 4 MB, which an idle registry need not hold

        return segno.make(uri, error="m", micro=False).svg_inline(scale=4, light="#fff")
