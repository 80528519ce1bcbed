"""How many files and sockets the process may have open at once. Where the system knows no such limit there is none."""

from contextlib import suppress

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # asked for below


def allow_many() -> None:
    """Have the soft limit be the hard one: the 1,024 of most systems are for programs that use `select`, and a gateway
    with 500 open streams has them all, as each is a socket to the caller and one to the backend."""
    if resource is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS has another bound below the one it tells
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit() -> float:
    """How many there may be."""
    if resource is None:
        return float("inf")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if soft == resource.RLIM_INFINITY else soft
