import { render } from "preact";
import { act } from "preact/test-utils";
import { describe, expect, it, vi } from "vitest";
import { part } from "./part";

const Hello = ({ name }: { name: string }) => <p>Hello {name}</p>;
const waiting = () => <p>Waiting</p>;
const root = () => document.createElement("div");
const settled = () => act(async () => new Promise((done) => setTimeout(done)));

describe("a part", () => {
  it("stands for itself at once when it was loaded before", async () => {
    const load = vi.fn(async () => Hello);
    const Loaded = part(load, waiting);
    await Loaded.load();
    const here = root();
    act(() => render(<Loaded name="Marlena" />, here));
    expect([here.textContent, load.mock.calls.length]).toEqual(["Hello Marlena", 1]);
  });

  it("is drawn when it arrives", async () => {
    const Later = part(async () => Hello, waiting);
    const here = root();
    act(() => render(<Later name="Marlena" />, here));
    expect(here.textContent).toBe("Waiting");
    await settled();
    expect(here.textContent).toBe("Hello Marlena");
  });

  it("says so when it cannot be loaded, keeps what stands in its place, and can be loaded again", async () => {
    const load = vi.fn(async () => Hello);
    load.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    const Broken = part(load, waiting);
    const here = root();
    act(() => render(<Broken name="Marlena" />, here));
    await settled();
    expect(here.textContent).toMatch(/^WaitingThis part could not be loaded\./);
    await act(async () => here.querySelector("button")?.click());
    await settled();
    expect(here.textContent).toBe("Hello Marlena");
  });

  it("takes nothing else away when it cannot be drawn", async () => {
    let broken = true;
    const Fragile = part(
      async () =>
        ({ name }: { name: string }) => {
          if (broken) throw new Error("no drawing");
          return <p>Hello {name}</p>;
        },
      waiting,
    );
    await Fragile.load();
    const here = root();
    const draw = () => (
      <>
        <b>Banner</b>
        <Fragile name="Marlena" />
      </>
    );
    act(() => render(draw(), here));
    expect(here.textContent).toMatch(/^BannerWaitingThis part could not be shown\./);
    broken = false;
    act(() => here.querySelector("button")?.click());
    expect(here.textContent).toBe("BannerHello Marlena");
  });
});
