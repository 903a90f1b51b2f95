// Launch carriers, first half: where the bind secret waits while the EHR authorizes.

/** Keep `bind` for the callback page of the same frame; the server has set its cookie carrier already. */
export function leaveBind(state: string, bind: string): void {
  try {
    sessionStorage.setItem(`lb:${state}`, bind);
  } catch {
    // Third-party storage is blocked: the frame's name survives the redirect, and is given back after it.
    window.name = JSON.stringify({ n: window.name, s: state, b: bind });
  }
}
