// The AG-UI 1.0 events that a turn streams, as JSON sends them: the package's enum of types becomes its strings.

import type {
  RunErrorEvent,
  RunFinishedEvent,
  RunStartedEvent,
  StepFinishedEvent,
  StepStartedEvent,
  TextMessageContentEvent,
  TextMessageEndEvent,
  TextMessageStartEvent,
} from "@ag-ui/core";
import type { ChartsideEvent } from "./events.gen";

type Sent<E extends { type: string }> = E extends unknown
  ? Omit<E, "type"> & { readonly type: `${E["type"]}` }
  : never;

export type TurnEvent =
  | Sent<RunStartedEvent>
  | Sent<RunFinishedEvent>
  | Sent<RunErrorEvent>
  | Sent<StepStartedEvent>
  | Sent<StepFinishedEvent>
  | Sent<TextMessageStartEvent>
  | Sent<TextMessageContentEvent>
  | Sent<TextMessageEndEvent>
  | ({ readonly type: "CUSTOM" } & ChartsideEvent)
  | { readonly type: "TOOL_CALL_START" | "TOOL_CALL_ARGS" | "TOOL_CALL_END" | "TOOL_CALL_RESULT" };
