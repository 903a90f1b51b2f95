// The trend, loaded when an answer first draws one. The table stands in its place until then, and stays where a
// trend cannot be drawn: no failure of a drawing takes the values away.

import { ResultsTable } from "./Blocks";
import { part } from "./part";

export const TrendFigure = part(
  async () => (await import("./trend/TrendFigure")).TrendFigure,
  ({ block }) => <ResultsTable block={block} />,
);
