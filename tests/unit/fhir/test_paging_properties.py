"""Whatever pages do, a search that says it is complete has every record, each once; it ends; it never loops."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.fhir.paging import PAGE_SIZES
from app.fhir.source import Complete, Query, Truncated
from tests.unit.fhir.ehr import BASE, Answer, Ehr, bundle, observation, source

# A busy machine is slow, and nothing here is about that.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
OVERLAP = 2


@st.composite
def servers(draw: st.DrawFn) -> dict[str, Any]:
    """Draw how a server pages: how many records, its page size, its total, which pages repeat, where a link breaks."""
    size = draw(st.sampled_from((1, 3, 7, 10, 20, 50)))
    n = draw(st.integers(0, size * 6))
    pages = max(1, -(-n // size))
    return {
        "n": n, "size": size, "pages": pages,
        "total": draw(st.sampled_from(("true", "text", "absent", "small", "page"))),
        "overlap": draw(st.booleans()),
        "breaks": draw(st.sampled_from(("never", "never", "missing", "loops", "itself", "elsewhere"))),
        "at": draw(st.integers(0, pages - 1)),
    }  # fmt: skip


def ehr_of(server: dict[str, Any]) -> Ehr:
    n, size = server["n"], server["size"]

    def answer(_: str, query: dict[str, str]) -> Answer:
        page = int(query.get("page", "0"))
        start = max(0, page * size - (OVERLAP if server["overlap"] else 0))
        found = [observation(f"o{i}") for i in range(start, min(n, (page + 1) * size))]
        totals = {"true": n, "text": str(n), "small": min(1, n), "page": len(found)}
        more = {} if server["total"] == "absent" else {"total": totals[server["total"]]}
        return 200, bundle(*found, next_url=_next(server, page), **more)

    return Ehr(answer)


def _next(server: dict[str, Any], page: int) -> str:
    if page + 1 >= server["pages"]:
        return ""
    broken = {
        "missing": "", "loops": f"{BASE}/Observation?page=0", "itself": f"{BASE}/Observation?page={page}",
        "elsewhere": "https://evil.test/fhir/Observation?page=1",
    }  # fmt: skip
    if server["breaks"] in broken and page == server["at"]:
        return broken[server["breaks"]]
    return f"{BASE}/Observation?page={page + 1}"


@given(servers())
@settings(CALM, max_examples=120)
def test_complete_means_all_of_it(server: dict[str, Any]) -> None:
    ehr = ehr_of(server)
    read = source(ehr).search(Query(resource_type="Observation"))
    ids = [r["id"] for r in read.resources]
    assert len(ids) == len(set(ids))
    assert len(ehr.asked) <= 2 * server["pages"] + 4
    cut = server["breaks"] != "never" and server["at"] + 1 < server["pages"]
    # One page that is just full and has no total may have been the first of many: nobody can tell.
    full = server["n"] in PAGE_SIZES and server["pages"] == 1 and server["total"] == "absent"
    if not cut:
        assert isinstance(read.completeness, Truncated if full else Complete)
        assert len(ids) == server["n"]
    elif _is_told(server):
        assert not isinstance(read.completeness, Complete)
    if isinstance(read.completeness, Truncated):
        assert read.completeness.n == len(ids)


def _is_told(server: dict[str, Any]) -> bool:
    """Tell whether anything shows that pages are missing: a link that goes wrong, a total, or a page that is just full."""
    if server["breaks"] != "missing":
        return True
    full_alone = server["at"] == 0 and server["size"] in PAGE_SIZES and server["total"] == "absent"
    return full_alone or server["total"] in ("true", "text")
