"""Our MCP server and client held against the protocol's own suites and its Inspector: `make conformance`."""
