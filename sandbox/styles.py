"""The EHR's own look, as `smart_style_url` names it, and some that a page must not take over.

Source: SMART App Launch 2.2.0, styling (experimental).
"""

from flask import Blueprint, Response, abort, jsonify, redirect

from sandbox.state import SandboxState

STYLES: dict[str, dict[str, object]] = {
    "clinic": {
        "color_background": "#f3efe6", "color_error": "#9e2d2d", "color_highlight": "#4b3fa0",
        "color_modal_backdrop": "rgba(0,0,0,0.5)", "color_success": "#2c6e49", "color_text": "rgb(29, 26, 20)",
        "dim_border_radius": "6px", "dim_font_size": "15px", "dim_spacing_size": "20px",
        "font_family_body": "Georgia, 'Times New Roman', serif", "font_family_heading": "Georgia, serif",
    },
    "night": {"color_background": "#0b0f14", "color_text": "#f2f2f2", "color_highlight": "#8fd3ff"},
    "pale": {"color_background": "#ffffff", "color_text": "#9aa4ad", "color_highlight": "#c9d6df"},
    "hostile": {
        "color_background": "red;}body{background:url(http://evil.test/?q=1)}",
        "color_text": "expression(alert(1))", "color_highlight": {"$": 1}, "dim_font_size": "1px;position:fixed",
        "font_family_body": "x;@import 'http://evil.test/x.css'",
    },
}  # fmt: skip


def blueprint(state: SandboxState) -> Blueprint:
    """Return the addresses of the styles; nobody signs in for them."""
    routes = Blueprint("styles", __name__)

    @routes.get("/smart-style/<name>.json")
    def style(name: str) -> Response:
        if name == "moved":
            answer = redirect(f"{state.settings.ehr_origin}/smart-style/clinic.json", 302)
            return Response(answer.get_data(), 302, {"Location": answer.location})
        if name == "huge":
            return Response(
                b'{"color_text":"' + b"0" * 200_000 + b'"}', mimetype="application/json"
            )
        return jsonify(STYLES.get(name) or abort(404))

    return routes
