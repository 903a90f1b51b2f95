"""Read `measurements` text back without the module that printed it: address -> (row head, date, printed value)."""

import re

Cell = tuple[str, str, str]


def read_labelled(text: str) -> dict[str, Cell]:
    """Parse labelled sparse rows; fails if two cells print one address."""
    out: dict[str, Cell] = {}
    dates: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("DATES "):
            dates = read_dates(line[6:])
            continue
        match = re.match(r"([LVO]\d+) (.*)$", line)
        if not match:
            continue
        handle, rest = match.groups()
        starts = re.findall(r": ([a-y]{1,3}'*(?=[,:<>=\-0-9.]))", rest)
        at = min((rest.find(f": {p}") for p in set(starts)), default=-1)
        name, cells = rest[:at], rest[at + 2 :]
        for place, body in read_cells(cells, dates):
            assert handle + place not in out, f"two cells print {handle}{place}"
            out[handle + place] = (name, dates[place.rstrip("'")], body)
    return out


def read_cells(cells: str, dates: dict[str, str]) -> list[tuple[str, str]]:
    """Split `a4.1H b:words` into (place, body)."""
    one = r"[a-y]{1,3}'*"
    masked = re.sub(r'"[^"]*"', lambda q: "Q" * len(q[0]), cells)
    found = list(
        re.finditer(rf"(?:(?<= )|^)(?:({one}(?:,{one})*):|({one})(?=[<>=\-0-9.]))", masked)
    )
    found = [s for s in found if all(p.rstrip("'") in dates for p in (s[1] or s[2]).split(","))]
    out = []
    for i, start in enumerate(found):
        end = found[i + 1].start() if i + 1 < len(found) else None
        out += [
            (place, cells[start.end() : end].strip()) for place in (start[1] or start[2]).split(",")
        ]
    return out


def read_dates(text: str) -> dict[str, str]:
    """Parse `2026: 20-Nov a=18:00 b=06:00, c=19-Nov; d=Mar-2025`: label -> full date and time."""
    dates = {}
    for group in text.split("; "):
        match = re.match(r"(\d{4}): ", group)
        year = f"-{match[1]}" if match else ""
        for item in group[6 if year else 0 :].split(", "):
            first, *times = item.split(" ", 1)
            if "=" in first:
                label, _, shown = item.partition("=")
                dates[label] = shown + year
            else:
                for label, time in re.findall(r"(\w+)=(\d\d:\d\d|no time)", times[0]):
                    dates[label] = f"{first}{year} {time}".removesuffix(" no time")
    return dates
