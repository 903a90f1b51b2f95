from collections.abc import Iterator

class LxmlError(Exception): ...

class DocInfo:
    doctype: str

class ElementTree:
    docinfo: DocInfo

class Element:
    tag: str
    text: str | None
    tail: str | None
    def get(self, name: str, default: str = ...) -> str: ...
    def __iter__(self) -> Iterator[Element]: ...
    def iter(self, *tags: str) -> Iterator[Element]: ...
    def find(self, path: str) -> Element | None: ...
    def getroottree(self) -> ElementTree: ...

class XMLParser:
    def __init__(
        self,
        *,
        resolve_entities: bool = ...,
        no_network: bool = ...,
        huge_tree: bool = ...,
        load_dtd: bool = ...,
        recover: bool = ...,
        remove_comments: bool = ...,
        remove_pis: bool = ...,
    ) -> None: ...

class ErrorLog:
    def filter_from_fatals(self) -> ErrorLog: ...
    def __len__(self) -> int: ...

class HTMLParser:
    error_log: ErrorLog
    def __init__(
        self,
        *,
        encoding: str | None = ...,
        no_network: bool = ...,
        huge_tree: bool = ...,
        remove_comments: bool = ...,
        remove_pis: bool = ...,
    ) -> None: ...

def fromstring(text: bytes, parser: XMLParser | HTMLParser) -> Element | None: ...
