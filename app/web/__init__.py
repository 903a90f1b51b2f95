"""The HTTP edge: Flask blueprints, the launch session, security headers, AG-UI over SSE."""
