"""What the conformance suite expects every server to have: its own tools, resources and prompts, beside ours.

They stand in a test server only, behind the same entrance, and prove how the server carries them (kinds of content, progress, errors,
templates), not anything of a chart. Names and contents are the suite's.

Source: @modelcontextprotocol/conformance, the server scenarios' own descriptions
"""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.shared.exceptions import MCPError

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
# A header, and no sound behind it.
WAV = base64.b64encode(
    b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x00\x00\x00\x00"
).decode()
SCHEMA_TOOL: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
TEMPLATE = "test://template/"


def _text(said: str) -> types.TextContent:
    return types.TextContent(text=said)


def _image() -> types.ImageContent:
    return types.ImageContent(data=PIXEL, mime_type="image/png")


def _embedded(uri: str, mime: str, said: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(
        resource=types.TextResourceContents(uri=uri, mime_type=mime, text=said)
    )


CALLS: Mapping[str, tuple[types.ContentBlock, ...]] = {
    "test_simple_text": (_text("This is a simple text response for testing."),),
    "test_image_content": (_image(),),
    "test_audio_content": (types.AudioContent(data=WAV, mime_type="audio/wav"),),
    "test_embedded_resource": (
        _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."),
    ),
    "test_multiple_content_types": (
        _text("Multiple content types test:"),
        _image(),
        _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ),
    "test_error_handling": (_text("This tool intentionally returns an error for testing"),),
    "test_tool_with_progress": (_text("Done."),),
    "json_schema_2020_12_tool": (_text("Done."),),
    "test_missing_capability": (_text("Done."),),
}  # fmt: skip
RESOURCES: Mapping[str, types.TextResourceContents | types.BlobResourceContents] = {
    "test://static-text": types.TextResourceContents(
        uri="test://static-text",
        mime_type="text/plain",
        text="This is the content of the static text resource.",
    ),
    "test://static-binary": types.BlobResourceContents(
        uri="test://static-binary", mime_type="image/png", blob=PIXEL
    ),
}


def _prompt_messages(name: str, given: Mapping[str, str]) -> list[Any]:
    """Return the contents of a prompt's messages; none where it is not one of the suite's."""
    match name:
        case "test_simple_prompt":
            return [_text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            return [_text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")]
        case "test_prompt_with_embedded_resource":
            said = _embedded(
                given["resourceUri"], "text/plain", "Embedded resource content for testing."
            )
            return [said, _text("Please process the embedded resource above.")]
        case "test_prompt_with_image":
            return [_image(), _text("Please analyze the image above.")]
        case _:
            return []


Handler = Callable[[Any, Any], Awaitable[Any]]


def with_fixtures(server: Server[Any]) -> Server[Any]:
    """Let a server answer for the suite's names too; every other request goes to its own handlers."""
    _over(server, "tools/list", _list_tools)
    _over(server, "tools/call", _call_tool)
    _over(server, "resources/read", _read_resource)
    _over(server, "prompts/get", _get_prompt)
    return server


def _over(server: Server[Any], method: str, ours: Callable[[Handler], Handler]) -> None:
    known = server.get_request_handler(method)
    assert known is not None, method
    server.add_request_handler(method, known.params_type, ours(known.handler))


def _list_tools(inner: Handler) -> Handler:
    async def handler(ctx: Any, params: Any) -> Any:
        found = await inner(ctx, params)
        schemas = {"json_schema_2020_12_tool": SCHEMA_TOOL}
        more = [
            types.Tool(
                name=n, description="The suite's.", input_schema=dict(schemas.get(n, NOTHING))
            )
            for n in CALLS
        ]
        return found.model_copy(update={"tools": [*found.tools, *more]})

    return handler


def _call_tool(inner: Handler) -> Handler:
    async def handler(ctx: Any, params: Any) -> Any:
        if params.name not in CALLS:
            return await inner(ctx, params)
        if params.name == "test_missing_capability" and not _samples(ctx):
            why: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "It needs sampling.", why)
        if params.name == "test_tool_with_progress":
            for done in (0, 50, 100):
                await ctx.session.report_progress(done, total=100)
                await anyio.sleep(0.02)
        return types.CallToolResult(
            content=list(CALLS[params.name]), is_error=params.name == "test_error_handling"
        )

    return handler


def _samples(ctx: Any) -> bool:
    """Tell whether the host declared, with this very request, that it samples."""
    sampling = types.ClientCapabilities(sampling=types.SamplingCapability())
    return bool(ctx.session.check_client_capability(sampling))


def _read_resource(inner: Handler) -> Handler:
    async def handler(ctx: Any, params: Any) -> Any:
        uri = str(params.uri)
        if uri in RESOURCES:
            return types.ReadResourceResult(contents=[RESOURCES[uri]])
        if uri.startswith(TEMPLATE):
            number = uri.removeprefix(TEMPLATE).partition("/")[0]
            said = f'{{"id":"{number}","templateTest":true,"data":"Data for ID: {number}"}}'
            one = types.TextResourceContents(uri=uri, mime_type="application/json", text=said)
            return types.ReadResourceResult(contents=[one])
        return await inner(ctx, params)

    return handler


def _get_prompt(inner: Handler) -> Handler:
    async def handler(ctx: Any, params: Any) -> Any:
        if contents := _prompt_messages(params.name, params.arguments or {}):
            messages = [types.PromptMessage(role="user", content=one) for one in contents]
            return types.GetPromptResult(messages=messages)
        return await inner(ctx, params)

    return handler
