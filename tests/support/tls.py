"""One TLS context for every client of the tests: each would read the system's certificates, 20 ms, and use none."""

import ssl

TLS = ssl.create_default_context()
