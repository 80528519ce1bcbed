"""A small MCP server to register: `python examples/weather.py` serves http://127.0.0.1:9000/mcp."""

import sys

from fastmcp import FastMCP

mcp = FastMCP("weather")


@mcp.tool
def get_forecast(city: str, days: int = 3) -> str:
    """Weather forecast for a city, for the next days."""
    return f"{city}: sun for {days} days"


if __name__ == "__main__":
    port, host = [*sys.argv[1:], *["9000", "127.0.0.1"][len(sys.argv) - 1 :]]
    mcp.run(transport="http", host=host, port=int(port), show_banner=False)
