// A part of the panel that is loaded when it is first drawn, or before, while nothing else is to do.

import { Component, type ComponentChildren, type FunctionComponent, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./Icon";

export interface Part<P> {
  (props: P): VNode;
  /** Load it now; a failure is told only to who draws it. */
  load(): Promise<void>;
}

/** What stands in a part's place: `broken` when it will not come by itself. */
type Stand<P> = (props: P, broken: boolean) => ComponentChildren;

/** `stand` is there until the part is, and stays when it cannot be loaded or drawn: the rest of the panel goes on. */
export function part<P extends object>(load: () => Promise<FunctionComponent<P>>, stand: Stand<P>): Part<P> {
  let loaded: FunctionComponent<P> | null = null;
  const get = async () => {
    loaded ??= await load();
  };
  const Shown = (props: P): VNode => {
    const [state, setState] = useState<"loading" | "here" | "missing">(loaded === null ? "loading" : "here");
    const fetchIt = () => {
      setState("loading");
      get().then(
        () => setState("here"),
        () => setState("missing"),
      );
    };
    useEffect(() => {
      if (loaded === null) fetchIt();
      // It may have arrived between the first drawing and now.
      else setState("here");
    }, []);
    if (loaded !== null) {
      const Loaded = loaded;
      return (
        <Guard
          instead={(again) => (
            <>
              {stand(props, true)}
              <Missing what="shown" onAgain={again} />
            </>
          )}
        >
          <Loaded {...props} />
        </Guard>
      );
    }
    return (
      <>
        {stand(props, state === "missing")}
        {state === "missing" && <Missing what="loaded" onAgain={fetchIt} />}
      </>
    );
  };
  return Object.assign(Shown, { load: () => get().catch(() => undefined) });
}

interface GuardProps {
  instead: (again: () => void) => ComponentChildren;
  children: ComponentChildren;
}

/** A fault in drawing one part takes away that part only. */
class Guard extends Component<GuardProps, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render({ instead, children }: GuardProps) {
    return this.state.broken ? instead(() => this.setState({ broken: false })) : children;
  }
}

function Missing({ what, onAgain }: { what: "loaded" | "shown"; onAgain: () => void }) {
  return (
    <div class="neg-unread missing" role="alert">
      <Icon name="warn" />
      <div>
        <p>
          <b>This part could not be {what}.</b> {what === "loaded" && "Check the network. "}If it stays so,
          open Chartside again from the chart.
        </p>
        <button type="button" class="btn low" onClick={onAgain}>
          Try again
        </button>
      </div>
    </div>
  );
}
