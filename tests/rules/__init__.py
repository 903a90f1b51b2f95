"""The rules that tests prove: one module for each page of a specification, read in the order below."""

from tests.rules import (
    app_launch,
    attacks,
    backend_services,
    best_practices,
    chartside,
    client_authentication,
    conformance,
    fhir,
    introspection_and_revocation,
    mcp,
    mcp_access,
    openid_connect,
    scopes_and_context,
    sql_on_fhir,
)

PAGES = (
    app_launch.PAGE,
    scopes_and_context.PAGE,
    openid_connect.PAGE,
    client_authentication.PAGE,
    backend_services.PAGE,
    introspection_and_revocation.PAGE,
    best_practices.PAGE,
    conformance.PAGE,
    fhir.PAGE,
    sql_on_fhir.PAGE,
    attacks.PAGE,
    mcp.PAGE,
    mcp_access.PAGE,
    chartside.PAGE,
)
