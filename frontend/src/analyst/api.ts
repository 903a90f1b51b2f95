// The analyst's door to the server: a key that opens no launch, and answers in which few patients are never counted.

import type { AnalystDesk, CohortAnswer, CohortGroup, CohortPatients, Problem } from "../api/events.gen";

/** The server said no, or nothing at all (`status` 0). */
export class Stopped extends Error {
  constructor(readonly problem: Pick<Problem, "status" | "title" | "detail" | "help_desk" | "reference">) {
    super(problem.title);
  }
}

export interface AnalystApi {
  desk(): Promise<AnalystDesk>;
  ask(tool: string, args: object, group: string): Promise<CohortAnswer>;
  list(body: object): Promise<CohortPatients>;
  group(body: object): Promise<CohortGroup>;
  leave(): Promise<void>;
}

export function openDesk(slug: string, key: string): AnalystApi {
  const base = `/api/analyst/${encodeURIComponent(slug)}`;
  const call = async (path: string, method: string, body?: object): Promise<unknown> => {
    const init: RequestInit = { method, cache: "no-store", headers: { Authorization: `Bearer ${key}` } };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { ...init.headers, "Content-Type": "application/json" };
    }
    const answer = await fetch(base + path, init).catch(() => null);
    if (answer === null)
      throw new Stopped(said(0, "Chartside does not answer. Check the network, then try again."));
    if (answer.status === 204) return null;
    const sent = (await answer.json().catch(() => null)) as Partial<Problem> | null;
    if (!answer.ok || sent === null)
      throw new Stopped({ ...said(answer.status, "Chartside cannot answer now."), ...sent });
    return sent;
  };
  return {
    desk: async () => (await call("", "GET")) as AnalystDesk,
    ask: async (tool, args, group) =>
      (await call("/ask", "POST", { tool, arguments: args, group })) as CohortAnswer,
    list: async (body) => (await call("/list", "POST", body)) as CohortPatients,
    group: async (body) => (await call("/group", "POST", body)) as CohortGroup,
    leave: async () => {
      await call("", "DELETE");
    },
  };
}

function said(status: number, title: string) {
  return { status, title, detail: "", help_desk: "", reference: "" };
}

/** Let the browser save a text as a file. */
export function saveAs(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
