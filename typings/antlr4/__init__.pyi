from typing import Any

class InputStream:
    def __init__(self, data: str) -> None: ...

class CommonTokenStream:
    def __init__(self, lexer: Any) -> None: ...
