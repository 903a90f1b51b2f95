// Launch carriers, second half: find the bind secret again, and keep the launch key over a reload.
// Every one of them may be missing: storage throws in a blocked third-party frame.

/** Return the bind secret left for `state`, once; the frame gets its own name back. */
export function takeBind(state: string | null): string | null {
  if (state === null) return null;
  return guarded(() => taken(`lb:${state}`)) ?? fromName(state);
}

export function keepKey(launchId: string, key: string): void {
  guarded(() => sessionStorage.setItem(`k:${launchId}`, key));
}

export function findKey(launchId: string): string | null {
  return guarded(() => sessionStorage.getItem(`k:${launchId}`));
}

export function dropKey(launchId: string): void {
  guarded(() => sessionStorage.removeItem(`k:${launchId}`));
}

function taken(name: string): string | null {
  const value = sessionStorage.getItem(name);
  sessionStorage.removeItem(name);
  return value;
}

function fromName(state: string): string | null {
  const left = guarded(() => JSON.parse(window.name) as { n?: unknown; s?: unknown; b?: unknown } | null);
  if (left === null || typeof left !== "object" || left.s !== state || typeof left.b !== "string")
    return null;
  window.name = typeof left.n === "string" ? left.n : "";
  return left.b;
}

function guarded<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
