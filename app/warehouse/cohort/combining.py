"""Tell whether counts can be combined into one about 1 to 10 patients alone.

Counts are rows of a matrix, atoms of patients its columns; a combination with any factors is a sum of rows, about those
patients in whose columns it is not zero. The matrix is reduced so that large atoms are its pivots where they can be. A
combination about few patients has nothing in large columns, so it is a sum of those reduced rows whose pivots are small:
each of these, each sum of two with every factor that makes a column vanish, and of three with the factors 1 and -1 is
looked at, in several orders of the columns; and the difference of the newest count to every other one.

Finding the least of all combinations has no fast way in general (it is the least weight of a code): a combination whose
form shows as four reduced rows or more in every order that is tried is not found. Tests compare with all combinations where there are few.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

LEAST = 11
PRIME = (1 << 61) - 1
ORDERS = 3
# Triples are looked at among so few rows only: their number grows with the third power.
MOST_FOR_TRIPLES = 24
# About 15 seconds. More counts than that are not told from any more, see docs/cohorts.md.
MOST_WORK = 20_000_000


def leaks(counts: Sequence[int], sizes: Mapping[int, int], new: int = 1) -> bool:
    """Tell whether a combination of counts is about 1 to 10 patients; counts are bit masks of atoms, the last `new` are new."""
    known = len(counts) - new
    for place, newest in enumerate(counts[known:], known):
        if any(_few(_size(newest ^ one, sizes)) for one in (0, *counts[:place])):
            return True
    atoms = [atom for atom, n in sizes.items() if n and any(row >> atom & 1 for row in counts)]
    if len(counts) ** 2 * len(atoms) > MOST_WORK:
        # It would take too long to tell: then it is taken to be so.
        return True
    # The order is the same for the same counts: an answer must not be had by asking again.
    chance = random.Random(len(counts) * 1_000_003 + len(atoms))  # noqa: S311 - no secret
    for number in range(ORDERS):
        jitter = {atom: chance.random() * 3 * number for atom in atoms}
        order = sorted(
            atoms, key=lambda a: (sizes[a] < LEAST, -sizes[a] + jitter[a] * (sizes[a] < LEAST), a)
        )
        if _found(counts, [sizes[a] for a in order], order):
            return True
    return False


def _size(mask: int, sizes: Mapping[int, int]) -> int:
    return sum(n for atom, n in sizes.items() if mask >> atom & 1)


def _few(n: int) -> bool:
    return 0 < n < LEAST


def _found(counts: Sequence[int], sizes: Sequence[int], order: Sequence[int]) -> bool:
    rows = [
        (pivot, row)
        for pivot, row in _reduced([[mask >> a & 1 for a in order] for mask in counts])
        if sizes[pivot] < LEAST
    ]
    if any(_few(_weight(row, sizes)) for _, row in rows):
        return True
    # The inverse of each number once: most of the work else.
    known: dict[int, int] = {}
    inverses = [[_inverse(x, known) for x in row] for _, row in rows]
    pairs = [
        (i, j)
        for (i, (p, _)), (j, (q, _)) in combinations(enumerate(rows), 2)
        if _few(sizes[p] + sizes[q])
    ]
    if any(_pair(rows[i][1], rows[j][1], inverses[j], sizes) for i, j in pairs):
        return True
    if len(rows) > MOST_FOR_TRIPLES:
        return False
    triples = [t for t in combinations(rows, 3) if _few(sum(sizes[p] for p, _ in t))]
    return any(_triple(a, b, c, sizes) for (_, a), (_, b), (_, c) in triples)


def _reduced(matrix: list[list[int]]) -> list[tuple[int, list[int]]]:
    """Return the reduced echelon form modulo a prime, as (pivot column, row); pivots are the first columns that can be."""
    rows, done = matrix, list[tuple[int, list[int]]]()
    for column in range(len(matrix[0]) if matrix else 0):
        at = next((i for i, row in enumerate(rows) if row[column]), None)
        if at is None:
            continue
        inverse = pow(rows[at][column], -1, PRIME)
        pivot = [x * inverse % PRIME for x in rows[at]]
        rows = [_less(row, pivot, row[column]) for i, row in enumerate(rows) if i != at]
        done = [(p, _less(row, pivot, row[column])) for p, row in done]
        done.append((column, pivot))
        if not rows:
            break
    return done


def _less(row: list[int], other: list[int], factor: int) -> list[int]:
    if not factor:
        return row
    return [(x - factor * y) % PRIME for x, y in zip(row, other, strict=True)]


def _weight(row: Sequence[int], sizes: Sequence[int]) -> int:
    return sum(n for x, n in zip(row, sizes, strict=True) if x)


def _inverse(x: int, known: dict[int, int]) -> int:
    if x not in known:
        known[x] = pow(x, -1, PRIME) if x else 0
    return known[x]


def _pair(
    a: Sequence[int], b: Sequence[int], inverse_b: Sequence[int], sizes: Sequence[int]
) -> bool:
    """Tell whether a + f b is about few patients for some factor f: columns of one ratio vanish together."""
    union = sum(n for x, y, n in zip(a, b, sizes, strict=True) if x or y)
    vanishing: dict[int, int] = defaultdict(int)
    for x, y, n in zip(a, inverse_b, sizes, strict=True):
        if x and y:
            vanishing[x * y % PRIME] += n
    return any(_few(union - n) for n in vanishing.values())


def _triple(a: Sequence[int], b: Sequence[int], c: Sequence[int], sizes: Sequence[int]) -> bool:
    for f in (1, -1):
        for g in (1, -1):
            seen = Counter[bool]()
            for x, y, z, n in zip(a, b, c, sizes, strict=True):
                seen[(x + f * y + g * z) % PRIME != 0] += n
            if _few(seen[True]):
                return True
    return False
