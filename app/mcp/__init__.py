"""The chart for other applications: an MCP server over the same tools, guard, completeness and audit as the chat.

Specification: Model Context Protocol 2026-07-28, and its revisions of 2025 for hosts that speak those (the SDK answers both).
Only this package imports the SDK; only `bridge` (of the server) and `portal` (of the client) join its asynchronous world to the
synchronous rest. The other direction is here too: `source` reads a chart from the EHR's own MCP server.

The server is read-only. A tool that
writes would propose here and be confirmed by a person in the launch's own page, or by elicitation in the host (`Resolve(Elicit)` in
this SDK): `app.actions` decides that, and nothing here may call it before then.
"""
