"""Ask for the pages of one search that are sure to come, several at once.

A next link that counts (`_offset=100` after 100 entries, `page=2` after one page) tells the addresses of the pages after
it as well, once the EHR has said how many entries there are. What comes from such an address is used only when the EHR
itself names that very address as the next page: its links stay the only proof of what belongs to a search, and a wrong
guess costs a few requests and changes nothing. Links that do not count (tokens) are followed one by one.

Source: https://hl7.org/fhir/R4/http.html#paging (how a next link is written is the server's own affair)
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from app.boundary import Response

# How servers name the number of the first entry of a page (HAPI, Medplum, Aidbox and others), and that of the page.
OFFSETS = frozenset(("_offset", "offset", "_getpagesoffset", "_skip", "skip"))
PAGES = frozenset(("page", "_page"))
# So many are under way at once, and so many at most are asked for in vain.
AHEAD = 6


def later_pages(next_url: str, *, n: int, total: int | None, most: int) -> list[str]:
    """Return the addresses of the pages after the first, from its next link; only that link where it does not count.

    `n` entries stood on the first page, `total` are said to exist, and more than `most` are not read.
    """
    counted = [
        (name, value)
        for name, value in parse_qsl(urlsplit(next_url).query)
        if (name in OFFSETS and value == str(n)) or (name in PAGES and value == "2")
    ]
    if total is None or n < 1 or len(counted) != 1:
        return [next_url]
    name, value = counted[0]
    here = [f"{before}{name}={value}" for before in "?&"]
    cuts = [next_url.partition(one) for one in here if next_url.count(one) == 1]
    if len(cuts) != 1 or cuts[0][2][:1] not in ("", "&"):
        return [next_url]
    before, own, after = cuts[0]
    step = n if name in OFFSETS else 1
    own = own.removesuffix(value)
    pages = range(-(-min(total, most) // n) - 1)
    return [f"{before}{own}{int(value) + at * step}{after}" for at in pages] or [next_url]


class ReadAhead:
    """The pages of one search that are asked for before their turn; `get(url, count)` is as `Asking.get`.

    Not thread-safe: one search reads it, page by page.
    """

    def __init__(self, get: Callable[[str, Callable[[], None]], Response]) -> None:
        self._get = get
        self._waiting: deque[str] = deque()
        self._under_way: dict[str, tuple[Future[Response], list[str]]] = {}
        self._pool: ThreadPoolExecutor | None = None
        # Requests that were sent and whose answers nobody has asked for yet.
        self._sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.forget()
        if self._pool:
            self._pool.shutdown()

    def plan(self, addresses: Sequence[str]) -> None:
        """Ask for these pages from now on, in their order, a few at once; a page alone waits for its turn."""
        if len(addresses) < 2:
            return
        self._waiting = deque(addresses)
        self._pool = self._pool or ThreadPoolExecutor(max_workers=AHEAD)
        self._start()

    def answer(self, url: str, count: Callable[[], None]) -> Response:
        """Return the answer of a page; `count` is called for each request that it cost. Raises as `Asking.get`."""
        known = self._under_way.pop(url, None)
        if known is None:
            # The EHR goes on elsewhere: what was planned is no part of this search.
            self.forget()
            return self._get(url, count)
        future, sent = known
        self._start()
        try:
            return future.result()
        finally:
            for _ in sent:
                count()

    def forget(self) -> None:
        """Ask for nothing more; `in_vain` tells what was sent and not used."""
        self._waiting.clear()
        for future, _ in self._under_way.values():
            future.cancel()
        for future, sent in self._under_way.values():
            if not future.cancelled():
                future.exception()
            self._sent += len(sent)
        self._under_way = {}

    def in_vain(self) -> int:
        """Return how many requests were sent whose answers were not used; call it at the end."""
        self.forget()
        return self._sent

    def _start(self) -> None:
        while self._pool and self._waiting and len(self._under_way) < AHEAD:
            url, sent = self._waiting.popleft(), list[str]()
            future = self._pool.submit(self._get, url, partial(sent.append, url))
            self._under_way[url] = (future, sent)
