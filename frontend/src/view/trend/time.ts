// Moments as the server sends them (ISO, the site's clock) on a time axis. No zone is applied here.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_MS = 86_400_000;
const LONG_DAYS = 75;

/** A moment in milliseconds of the site's clock; a day without a time counts from its start. NaN: no moment. */
export function place(iso: string): number {
  if (!/^\d{4}-\d{2}-\d{2}/.test(iso)) return Number.NaN;
  return Date.parse(`${iso.slice(0, 10)}T${iso.slice(11, 16) || "00:00"}:00Z`);
}

export function printedDay(at: number): string {
  const day = new Date(at);
  return `${String(day.getUTCDate()).padStart(2, "0")}-${MONTHS[day.getUTCMonth()]}-${day.getUTCFullYear()}`;
}

export function monthsBefore(at: number, months: number): number {
  const day = new Date(at);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() - months, day.getUTCDate());
}

/** Where the axis begins: at a month's first where it spans months, else at the first day itself. */
export function axisStart(first: number, until: number): number {
  const day = new Date(first);
  if (until - first > LONG_DAYS * DAY_MS) return Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), 1);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate());
}

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Round dates from the start to now: months, or for a short span days. */
export function ticks(from: number, until: number): Tick[] {
  const days = (until - from) / DAY_MS;
  if (days <= LONG_DAYS) return dayTicks(from, until, days);
  const step = stepMonths(days / 30.4);
  const start = new Date(from);
  const found: Tick[] = [];
  for (let month = start.getUTCMonth(); ; month += step) {
    const at = Date.UTC(start.getUTCFullYear(), month, 1);
    if (at >= until) return found;
    if (at >= from)
      found.push({ at, text: `${MONTHS[new Date(at).getUTCMonth()]}-${new Date(at).getUTCFullYear()}` });
  }
}

function stepMonths(span: number): number {
  return [1, 3, 6, 12, 24, 60].find((step) => span / step <= 5) ?? 120;
}

function dayTicks(from: number, until: number, days: number): Tick[] {
  const step = Math.max(1, Math.ceil(days / 5)) * DAY_MS;
  const found: Tick[] = [];
  for (let at = from; at < until; at += step) found.push({ at, text: printedDay(at) });
  return found;
}

/** "today 20-Nov". */
export function todayText(until: number): string {
  return `today ${printedDay(until).slice(0, 6)}`;
}
