// The line that says what answered and where the words went: on every answer, at every width.

import type { Answered } from "../api/events.gen";

/**
 * "NAME (version) · BAA · US · not retained · chart read DATE TIME. ..."; `ruled`: say that no model answered. That another
 * model answered than the launch's own is said at its end.
 */
export function provenanceText(answered: Answered, ruled = false): string {
  // Answers that were kept by an earlier release have no notice.
  return [lineOf(answered, ruled), answered.notice].filter((part) => part).join(" ");
}

function lineOf({ model, data_handling, provenance }: Answered, ruled: boolean): string {
  const who = model === "" && ruled ? "Rule answer, no language model" : model;
  const head = [who, who === model ? data_handling : ""].filter((part) => part).join(" · ");
  if (head === "" || provenance === "") return head || provenance;
  return `${head} · ${provenance.charAt(0).toLowerCase()}${provenance.slice(1)}`;
}
