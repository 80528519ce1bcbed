"""A hook of MkDocs: files of the repository are no part of the site, and a link to one becomes its path in words."""

import re

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+([^)\s]+)\)")


def on_page_markdown(markdown: str, **_: object) -> str:
    """A page without links out of docs/."""
    return _OUTSIDE.sub(lambda found: f"{found[1]} (`{found[2]}`)", markdown)
