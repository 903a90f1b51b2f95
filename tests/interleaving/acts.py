"""What a user, a reloading page or a stranger does, each answer checked against the model."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from werkzeug.test import Client, TestResponse

from sandbox import sandbox_state
from tests.interleaving.model import ModelLaunch, Pending, Tally
from tests.interleaving.parties import StillClock, iss, parties
from tests.stack import APP, page_data

MARK = re.compile(r"zq(?:chart|user|ask)[a-z0-9]+")


class Acts:
    """Acts on one world. Two of them may run at once, each in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.clock = StillClock()
        self.app, self.ehrs = parties(folder, self.clock)
        self.tally = Tally()
        self.launches: list[ModelLaunch] = []
        self.pending: list[Pending] = []
        self._lock = threading.Lock()

    def begin(self, ehr: str, patient: str, user: str) -> None:
        """Start from an EHR's app menu."""
        state = sandbox_state(self.ehrs[ehr])
        launch = state.start(patient, user_reference=f"Practitioner/{user}")
        query = urlencode({"iss": iss(ehr), "launch": launch})
        page = self._send("GET", f"/smart/{ehr}/launch?{query}")
        if self._expect(page, {200}, "a launch", set()):
            self.pending.append(
                Pending(
                    ehr=ehr,
                    patient=patient,
                    user=user,
                    page=page_data(page),
                    begun=self.clock.seconds,
                )
            )

    def callback(self, one: Pending) -> None:
        """Come back from the EHR and complete the launch."""
        answer = self._complete(one, self._authorized(one), one.page["bind"])
        if self._expect(answer, {200}, "a callback", set()):
            self._opened(one, answer)

    def callback_twice(self, one: Pending) -> None:
        """Complete one launch twice at once: it counts once."""
        code = self._authorized(one)
        answers = _both(lambda: self._complete(one, code, one.page["bind"]))
        for answer in answers:
            self._expect(answer, {200, 400, 403}, "one of two callbacks", set())
        opened = [answer for answer in answers if answer.status_code == 200]
        if len(opened) != 1:
            self._lost(f"{len(opened)} of two equal callbacks counted")
        for answer in opened[:1]:
            self._opened(one, answer)

    def wrong_bind(self, one: Pending) -> None:
        """Complete somebody else's launch: refused, and it goes on."""
        one.wrong_binds += 1
        answer = self._complete(one, {"code": "stolen", "state": one.page["state"]}, "b" * 43)
        self._expect(answer, {403}, "a callback of another browser", set())
        self.pending.append(one)

    def read(self, one: ModelLaunch) -> None:
        """Read the snapshot, and try a key that was replaced."""
        self._answered(one, self._call(one, "GET", ""))
        for old in one.old_keys[-1:]:
            stale = self._send("GET", f"/api/launches/{one.launch_id}", key=old)
            self._expect(stale, {401}, "a key that was replaced", set())

    def card(self, one: ModelLaunch) -> None:
        """Read the card."""
        self._answered(one, self._call(one, "GET", "/card"))

    def again(self, one: ModelLaunch) -> None:
        """Read the chart again, which refreshes a token that soon ends."""
        self._answered(one, self._call(one, "GET", "/card?again=1"))

    def ask(self, one: ModelLaunch) -> None:
        """Ask, and read the stream to its end."""
        self._answered(one, self._call(one, "POST", "/turns", self._question(one)))

    def park(self, one: ModelLaunch) -> None:
        """Leave the page."""
        alive = one.lives(self.clock.seconds)
        self._answered(one, self._call(one, "POST", "/park"), 204)
        if alive:
            one.parked = self.clock.seconds

    def resume(self, one: ModelLaunch) -> None:
        """Load the page again."""
        answer = self._resume(one)
        if self._answered(one, answer):
            self._rekeyed(one, answer)

    def end(self, one: ModelLaunch) -> None:
        """End the launch."""
        self._answered(one, self._call(one, "DELETE", ""), 204)
        one.ended = True

    def cross(self, one: ModelLaunch, other: ModelLaunch) -> None:
        """Use the key of one launch at another's address."""
        if one is other:
            return
        paths = ("", "/card", "/sources/1")
        for path in paths:
            answer = self._send("GET", f"/api/launches/{other.launch_id}{path}", key=one.key)
            self._expect(answer, {404, 401}, "a key at another launch", set())
        if one.lives(self.clock.seconds):
            one.use(self.clock.seconds)

    def at_once(self, one: ModelLaunch, names: list[str]) -> None:
        """Do two things to one launch at once, then ask what is left of it."""
        alive, key = one.lives(self.clock.seconds), one.key
        question = self._question(one)
        sent: dict[str, Callable[[], TestResponse]] = {
            "resume": lambda: self._resume(one),
            "again": lambda: self._call(one, "GET", "/card?again=1"),
            "read": lambda: self._call(one, "GET", ""),
            "ask": lambda: self._call(one, "POST", "/turns", question),
            "park": lambda: self._call(one, "POST", "/park"),
            "end": lambda: self._call(one, "DELETE", ""),
        }
        answers = _both(sent[names[0]], sent[names[1]])
        # One that comes second may find its key replaced or its launch ended.
        may_fail = {"end", "resume"} & set(names) or not alive
        allowed = {200, 204, 401} if may_fail else {200, 204}
        for answer in answers:
            self._expect(answer, allowed, f"{' and '.join(names)} at once", one.own)
        if alive and not any(answer.status_code in (200, 204) for answer in answers):
            self._lost(f"{' and '.join(names)} at once were both refused")
        if not alive:
            return
        one.use(self.clock.seconds)
        if "end" in names:
            one.ended = True
        keys = [
            answer.get_json()["key"]
            for name, answer in zip(names, answers, strict=True)
            if name == "resume" and answer.status_code == 200
        ]
        self._settle(one, [*keys, key] if keys else [key])

    # ------------------------------------------------------------ below the acts

    def _settle(self, one: ModelLaunch, keys: list[str]) -> None:
        """Find which of the keys is the launch's now: exactly one while it lives, else none."""
        answers = {
            key: self._send("GET", f"/api/launches/{one.launch_id}", key=key) for key in keys
        }
        for answer in answers.values():
            self._expect(answer, {200, 401}, "a key after two acts at once", one.own)
        good = [key for key, answer in answers.items() if answer.status_code == 200]
        if len(good) != (0 if one.ended else 1):
            self._lost(f"{len(good)} of {len(keys)} keys open a launch, ended: {one.ended}")
        one.parked = None
        if good:
            one.old_keys += [key for key in keys if key != good[0]]
            one.key = good[0]

    def _answered(self, one: ModelLaunch, answer: TestResponse, good: int = 200) -> bool:
        """Check an answer to a launch against the model; True when it lives."""
        now = self.clock.seconds
        if not one.lives(now):
            self._expect(answer, {401}, "a launch that has ended", set())
            one.ended = True
            return False
        one.use(now)
        if answer.headers.get("X-Launch-Id") != one.launch_id:
            self._leak("an answer names another launch")
        return self._expect(answer, {good}, "a live launch", one.own)

    def _expect(self, answer: TestResponse, statuses: set[int], what: str, own: set[str]) -> bool:
        text = answer.get_data(as_text=True)
        with self._lock:
            self.tally.answers += 1
        foreign = {mark for mark in MARK.findall(text.lower()) if mark not in own}
        if foreign:
            self._leak(f"{what} was told {sorted(foreign)[0]}")
        if answer.status_code not in statuses:
            self._lost(f"{what} was answered {answer.status_code}: {text[:160]}")
            return False
        return True

    def _leak(self, finding: str) -> None:
        with self._lock:
            self.tally.leaks.append(finding)

    def _lost(self, finding: str) -> None:
        with self._lock:
            self.tally.lost.append(finding)

    def _question(self, one: ModelLaunch) -> dict[str, Any]:
        one.turns += 1
        mark = f"zqask{one.launch_id.encode().hex()}t{one.turns}"
        one.asked.add(mark)
        words = ("Any allergies?", "What problems are active?")[one.turns % 2]
        return {
            "threadId": one.launch_id, "runId": f"turn-{one.turns:04}", "state": {}, "tools": [], "context": [],
            "forwardedProps": {}, "messages": [{"id": "1", "role": "user", "content": f"{words} {mark}"}],
        }  # fmt: skip

    def _authorized(self, one: Pending) -> dict[str, str]:
        parts = urlsplit(one.page["authorize"])
        answer = (
            self.ehrs[one.ehr]
            .test_client(use_cookies=False)
            .get(f"{parts.path}?{parts.query}", base_url=f"{parts.scheme}://{parts.netloc}")
        )
        assert answer.status_code == 302, answer.get_data(as_text=True)
        return {
            name: values[0]
            for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()
        }

    def _complete(self, one: Pending, callback: dict[str, str], bind: str) -> TestResponse:
        body = {
            "slug": one.ehr,
            "state": callback["state"],
            "code": callback.get("code"),
            "bind": bind,
        }
        return self._send("POST", "/api/launches/complete", body=body)

    def _opened(self, one: Pending, answer: TestResponse) -> None:
        given, now = answer.get_json(), self.clock.seconds
        cookie = next(
            one for one in answer.headers.getlist("Set-Cookie") if one.startswith("__Secure-lr=")
        )
        self.tally.launches += 1
        self.launches.append(
            ModelLaunch(
                ehr=one.ehr, patient=one.patient, user=one.user, launch_id=given["launch_id"], key=given["key"],
                resume=cookie.split(";")[0].partition("=")[2], born=now, used=now,
            )
        )  # fmt: skip

    def _rekeyed(self, one: ModelLaunch, answer: TestResponse) -> None:
        one.old_keys.append(one.key)
        one.key = answer.get_json()["key"]

    def _resume(self, one: ModelLaunch) -> TestResponse:
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": f"__Secure-lr={one.resume}"}
        return self._send("POST", f"/l/{one.launch_id}/resume", headers=headers)

    def _call(self, one: ModelLaunch, method: str, path: str, body: object = None) -> TestResponse:
        return self._send(method, f"/api/launches/{one.launch_id}{path}", body=body, key=one.key)

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        key: str = "",
        headers: dict[str, str] | None = None,
    ) -> TestResponse:
        sent = {**(headers or {}), **({"Authorization": f"Bearer {key}"} if key else {})}
        client = Client(self.app, use_cookies=False)
        return client.open(path, method=method, base_url=APP, json=body, headers=sent)


def _both(
    first: Callable[[], TestResponse], second: Callable[[], TestResponse] | None = None
) -> list[TestResponse]:
    """Send two requests at once."""
    with ThreadPoolExecutor(2) as pool:
        return [sent.result(60) for sent in (pool.submit(first), pool.submit(second or first))]
