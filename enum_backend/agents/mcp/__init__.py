"""The MCP server: numbers and messages for AI agents, as a thin client of our own HTTP API.

It knows nothing of the database, the gateways or the records: everything goes through the
API with the caller's key, so that an agent can do what its key may do and nothing else.
Source: Model Context Protocol, revision 2025-06-18, by the official `mcp` package.
"""
