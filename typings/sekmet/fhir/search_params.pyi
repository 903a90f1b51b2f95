class SearchParam:
    name: str
    kind: str
    def __init__(
        self, name: str, kind: str, paths: tuple[str, ...], target: str | None = None
    ) -> None: ...

PARAMS: dict[str, dict[str, SearchParam]]

def params_for(rtype: str) -> dict[str, SearchParam]: ...
