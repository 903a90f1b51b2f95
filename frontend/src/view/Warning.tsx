// Says before the launch ends, and lets the clinician go on. It takes no focus: what is being typed goes on.

import { useEffect, useState } from "preact/hooks";
import type { Warning } from "../state/reduce";
import { useActs } from "./context";
import { Icon } from "./Icon";

/** "1 min 40 s", "40 s"; by the clock on the wall, so that a computer that slept says what is left now. */
export function timeLeft(until: number, now: number): string {
  const seconds = Math.max(0, Math.ceil((until - now) / 1_000));
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  return [minutes > 0 && `${minutes} min`, (rest > 0 || minutes === 0) && `${rest} s`]
    .filter(Boolean)
    .join(" ");
}

export function WarningBar({ warning: { kind, until } }: { warning: Warning }) {
  const { extend } = useActs();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [until]);
  const left = timeLeft(until, now);
  return (
    <section class="endsbar" aria-label="Time left">
      <Icon name="clock" small />
      <p>
        {/* Said once by the status line; the seconds are for the eye. */}
        <b>
          Ends in <span role="timer">{left}</span>
        </b>{" "}
        {kind === "idle"
          ? "because nothing was done. What you typed is kept."
          : "because no launch lasts longer. Then open Chartside again from the chart. What you typed is kept."}
      </p>
      {kind === "idle" && (
        <button type="button" class="btn low" onClick={() => void extend()}>
          Stay signed in
        </button>
      )}
    </section>
  );
}
