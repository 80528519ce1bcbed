"""Which passwords are taken. How they are hashed is the business of the `PasswordHasher`."""

import secrets
import unicodedata

from airegistry.core.errors import Invalid

SHORTEST, LONGEST = 8, 1024

COMMON = frozenset(
    """
    00000000 000000000 0123456789 0987654321 1111111111 111111111 11111111 11223344 1122334455 112233445566 12121212
    123123123 12341234 1234512345 12345678 123456789 1234567890 123456789a 12345678910 1234qwer 123654789 123qweasd
    12qwaszx 13131313 147258369 147852369 159357456 1a2b3c4d 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc
    20202020 22222222 33333333 55555555 66666666 77777777 78945612 789456123 87654321 88888888 987654321 9876543210
    99999999 a1234567 a12345678 a123456789 aa123456 aaaaaaaa abc12345 abcd1234 abcd12345 abcdefgh access14 admin123
    admin1234 admin12345 administrator alexander asdasdasd asdf1234 asdfasdf asdfghjk asdfghjkl azertyuiop babygirl
    baseball basketball blink182 butterfly caroline changeme changeme1 changeme123 charlotte chocolate christian
    christopher computer corvette default1 danielle dragon123 drowssap elephant elizabeth fernando football football1
    freedom1 garfield gfhjkmrf happyday hello123 helloworld hunter22 iloveyou iloveyou1 iloveyou2 internet jennifer
    jonathan jordan23 justdoit jessica1 kimberly klapaucius1 letmein1 letmein123 letmeinnow liverpool liverpool1
    longhorn lovelove login123 manchester marlboro master123 maverick mercedes michael1 michelle midnight monkey123
    mustang1 newpassword nicholas nintendo nothing1 p@ssw0rd p@ssword pa$$w0rd pa55word passw0rd passw0rd1 password
    password! password0 password01 password1 password1! password11 password12 password123 password1234 password12345
    password2 password2020 password2024 password2025 password2026 password99 passwords passwort passwort1 patricia
    pokemon1 police123 princess princess1 q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedc qwe12345 qwer1234 qwerasdf
    qweqweqwe qwert123 qwert12345 qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwertyui qwertyuiop qwertz123
    qwertzui qwertzuiop redskins rootroot root1234 samantha samsung1 sandra123 scorpion secret12 secret123 security
    september servus123 snowball soccer12 spiderman starwars steelers stephanie summer2024 summer2025 summer2026
    sunshine sunshine1 superman superman1 swordfish sysadmin target123 test1234 test12345 testtest thunder1 toor1234
    trustno1 veronica victoria wachtwoord welcome01 welcome1 welcome12 welcome123 whatever william1 willkommen
    winter2024 winter2025 winter2026 xxxxxxxx yankees1 zaq12wsx zaq1zaq1 zxcvbnm1 zxcvbnm123 zzzzzzzz
    """.split()
)
"""What is tried first, of at least eight characters, in lower case."""


def check_password(password: str, *names: str) -> None:
    """Refuse a new password that is too short or long, too common, or one of its user's names.

    Raises:
        Invalid: it is, and why; never the password.
    """
    if not SHORTEST <= len(unicodedata.normalize("NFC", password)) <= LONGEST:
        raise Invalid(f"a password has {SHORTEST} to {LONGEST} characters", field="password")
    plain = unicodedata.normalize("NFKC", password).casefold().strip()
    if plain in COMMON or len(set(plain)) < 3:
        raise Invalid("this password is among the first that are guessed", field="password")
    if plain in {part.casefold() for name in names for part in (name, name.partition("@")[0])}:
        raise Invalid("a password is not its user's name", field="password")


def new_password() -> str:
    """A random password of 144 bits."""
    return secrets.token_urlsafe(18)
