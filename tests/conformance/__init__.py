"""Our MCP server and client held against the protocol's own suites, its Inspector, and servers of others: `make conformance`."""
