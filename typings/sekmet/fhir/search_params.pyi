class SearchParam:
    name: str
    kind: str

def params_for(rtype: str) -> dict[str, SearchParam]: ...
