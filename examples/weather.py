"""A small MCP server to register: `python examples/weather.py` serves http://127.0.0.1:9000/mcp."""

import sys

from fastmcp import FastMCP

mcp = FastMCP("weather")


@mcp.tool
def get_forecast(city: str, days: int = 3) -> str:
    """Weather forecast for a city, for the next days."""
    return f"{city}: sun for {days} days"


if __name__ == "__main__":
    mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 9000, show_banner=False)
