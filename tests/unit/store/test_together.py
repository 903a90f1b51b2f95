import threading
from collections.abc import Sequence

import pytest

from app.store.together import Together


class Held:
    """Does what is wanted, and in the first go waits until a test lets it."""

    def __init__(self) -> None:
        self.goes: list[list[str]] = []
        self.begun, self.may_end = threading.Event(), threading.Event()

    def do(self, wanted: Sequence[str]) -> None:
        if not self.goes:
            self.goes.append(list(wanted))
            self.begun.set()
            assert self.may_end.wait(20)
            return
        if len(wanted) > 1 and "bad" in wanted:
            raise ValueError("bad among others")
        self.goes.append(list(wanted))
        if "bad" in wanted:
            raise KeyError("bad")


def start(together: Together[str], names: Sequence[str], raised: dict[str, BaseException]) -> list[threading.Thread]:  # fmt: skip
    """Want things from a thread each, in this order."""

    def want(name: str) -> None:
        try:
            together.want(name)
        except (KeyError, ValueError) as error:
            raised[name] = error

    threads = []
    for name in names:
        before = len(together._waiting)
        threads.append(threading.Thread(target=want, args=(name,)))
        threads[-1].start()
        while len(together._waiting) == before and name != "first":
            pass
    return threads


def run(most: int, names: Sequence[str]) -> tuple[Held, dict[str, BaseException]]:
    held, raised = Held(), dict[str, BaseException]()
    together = Together(held.do, most=most)
    threads = start(together, ["first"], raised)
    assert held.begun.wait(20)
    threads += start(together, names, raised)
    held.may_end.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return held, raised


def test_what_comes_while_another_is_at_it_is_done_in_one_go_in_its_order() -> None:
    held, raised = run(16, [f"n{n}" for n in range(5)])
    assert (held.goes, raised) == ([["first"], ["n0", "n1", "n2", "n3", "n4"]], {})


def test_a_go_has_an_end_and_the_next_one_is_done_by_somebody_who_waits_for_it() -> None:
    held, raised = run(2, [f"n{n}" for n in range(5)])
    assert (held.goes, raised) == ([["first"], ["n0", "n1"], ["n2", "n3"], ["n4"]], {})


def test_one_that_cannot_be_done_fails_nobody_else() -> None:
    held, raised = run(16, ["good", "bad", "fine"])
    assert held.goes == [["first"], ["good"], ["bad"], ["fine"]]
    assert {name: type(error) for name, error in raised.items()} == {"bad": KeyError}


def test_alone_it_is_done_by_the_thread_that_wants_it_and_raises_there() -> None:
    def refuse(_: Sequence[str]) -> None:
        raise KeyError(threading.current_thread().name)

    together = Together(refuse, most=16)
    for _ in range(2):
        with pytest.raises(KeyError, match=threading.current_thread().name):
            together.want("x")
