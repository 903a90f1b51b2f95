// How many of a list's rows are in view: the server counts what it sent, the panel what it draws.

const COUNT = /, [\d,]+ of ([\d,]+) shown$/;

/** All rows there are, also those that the server did not send. */
export function totalOf(title: string, listed: number): number {
  const sent = COUNT.exec(title)?.[1];
  return sent === undefined ? listed : Math.max(Number(sent.replaceAll(",", "")), listed);
}

/** "Active orders, 6 of 9 shown"; without a count where every row there is is in view. */
export function counted(title: string, shown: number, listed: number): string {
  const total = totalOf(title, listed);
  const name = title.replace(COUNT, "");
  return name === "" || shown >= total ? name : `${name}, ${amount(shown)} of ${amount(total)} shown`;
}

export function amount(n: number): string {
  return n.toLocaleString("en-US");
}
