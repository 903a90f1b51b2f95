"""Take out of a text what no reader sees: control, private-use and invisible characters, and HTML tags.

Chart text (`bounds.as_data`) and model text (`app.agent.clean`) pass the same rule: what one of them would remove
must not hide from the other.
"""

import re
import unicodedata

TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,400}>|<!--.{0,400}?-->|<![A-Za-z][^<>\n]{0,400}>")
# Cc: control, Cf: invisible format (zero width, direction overrides, tags), Co: private use, Cs: surrogates.
REFUSED = ("Cc", "Cf", "Co", "Cs", "Cn")


def harmless(text: str) -> str:
    """Return text without private-use, control and invisible characters; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in REFUSED)


def without_tags(text: str) -> str:
    """Take out tags until none is left: taking one out may make another (`<<b>b>`)."""
    while (shorter := TAG.sub("", text)) != text:
        text = shorter
    return text
