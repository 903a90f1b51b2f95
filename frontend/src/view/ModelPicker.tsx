// Which of the allowed models answers. Absent where there is nothing to choose.

import { useState } from "preact/hooks";
import type { ModelChoice, ModelChoices } from "../api/events.gen";
import { useActs } from "./context";
import { Icon } from "./Icon";
import { Clinical } from "./markdown/Clinical";

export function ModelPicker({ models: { current, choices } }: { models: ModelChoices }) {
  const { chooseModel } = useActs();
  const [asked, setAsked] = useState("");
  const [why, setWhy] = useState("");
  if (choices.length < 2) return null;
  const choose = async (id: string) => {
    setAsked(id);
    setWhy("");
    const problem = await chooseModel(id);
    setAsked("");
    setWhy(problem === null ? "" : `Not changed: ${problem.title}`);
  };
  return (
    <section class="picker" aria-labelledby="picker-h">
      <h2 class="h top" id="picker-h">
        Answers by
      </h2>
      <ul class="models">
        {choices.map((choice) => (
          <Choice
            key={choice.id}
            choice={choice}
            current={choice.id === current}
            asked={choice.id === asked}
            onChoose={() => void choose(choice.id)}
          />
        ))}
      </ul>
      {why !== "" && (
        <p class="small notice" role="alert">
          <Icon name="warn" small /> {why}
        </p>
      )}
    </section>
  );
}

interface ChoiceProps {
  choice: ModelChoice;
  current: boolean;
  asked: boolean;
  onChoose: () => void;
}

/** What cannot be chosen is no button: its sentence says why. */
function Choice({ choice, current, asked, onChoose }: ChoiceProps) {
  const about = <About choice={choice} />;
  if (choice.why_not !== "" && !current) {
    return (
      <li class="model off">
        {about}
        <span class="whynot">{choice.why_not}</span>
      </li>
    );
  }
  return (
    <li>
      <button type="button" class="model" aria-pressed={current} aria-busy={asked} onClick={onChoose}>
        {about}
        {current && (
          <span class="inuse">
            <Icon name="check" small /> In use
          </span>
        )}
        {choice.why_not !== "" && <span class="whynot">{choice.why_not}</span>}
      </button>
    </li>
  );
}

function About({ choice: { name, language_model, data_handling, local, retires } }: { choice: ModelChoice }) {
  const label = [data_handling, language_model ? (local ? "local" : "cloud") : "chart rows only"];
  return (
    <>
      <b>{name}</b>
      <span class="handling">{label.filter((part) => part !== "").join(" · ")}</span>
      {retires !== "" && (
        <span class="handling">
          Retires <Clinical text={retires} />
        </span>
      )}
    </>
  );
}
