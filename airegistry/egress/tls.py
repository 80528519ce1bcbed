"""The TLS settings of all outbound connections, loaded once: it takes tens of milliseconds."""

import functools
import ssl

import httpx2


@functools.cache
def shared_context() -> ssl.SSLContext:
    """A verifying client context with the system's authorities, or those of SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx2.create_ssl_context()
