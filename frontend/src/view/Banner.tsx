// Who this panel belongs to: always drawn, never covered.

import { useState } from "preact/hooks";
import type { Allergies, Banner, PatientName } from "../api/events.gen";
import { Icon, type IconName } from "./Icon";
import { Clinical } from "./markdown/Clinical";
import { Pieces } from "./Pieces";

const SIGNS: Record<Allergies["state"], IconName> = {
  known: "warn",
  none: "check",
  unasked: "ask",
  unread: "warn",
};

interface BannerProps {
  banner: Banner;
  /** Where the card lists them; null while the card is not shown: then the words unfold here. */
  onAllergies: (() => void) | null;
  onMenu: (() => void) | null;
  /** The EHR shows its own banner: one line, with the allergies in two words. */
  slim?: boolean;
}

export function BannerView({ banner, onAllergies, onMenu, slim = false }: BannerProps) {
  const { family, given, title, died, notice, notice_tone, allergies } = banner;
  const [unfolded, setUnfolded] = useState(false);
  const folds = onAllergies === null;
  const dead = died !== "" || notice_tone === "deceased";
  return (
    <>
      <section class={`banner${dead ? " dead" : ""}${slim ? " slim" : ""}`} aria-label="Patient">
        <div class="b-name">
          <b>
            {family}, {given}
          </b>{" "}
          {title !== "" && <span class="title">({title.replace(/^\(|\)$/g, "")})</span>}
        </div>
        <Ids banner={banner} />
        <div class="b-enc">
          <Pieces pieces={banner.encounter} />
        </div>
        <button
          type="button"
          class={`b-algbtn ${allergies.state}`}
          aria-expanded={folds ? unfolded : undefined}
          onClick={onAllergies ?? (() => setUnfolded(!unfolded))}
        >
          <Icon name={SIGNS[allergies.state]} />
          <span>
            {allergies.short[0]} <br />
            {allergies.short[1]}
          </span>
        </button>
        {onMenu !== null && (
          <button type="button" class="icon b-menu" aria-label="Menu" onClick={onMenu}>
            <Icon name="menu" />
          </button>
        )}
        <div class={`b-all ${allergies.state}${unfolded ? " open" : ""}`}>
          <Icon name={SIGNS[allergies.state]} />
          <b>{allergies.title}</b>
          <span>
            <Clinical text={allergies.text} />
          </span>
        </div>
      </section>
      {notice !== "" && (
        <p class={notice_tone === "rules" ? "rulesbar" : "diedbar"}>
          <Clinical text={notice} />
        </p>
      )}
    </>
  );
}

function Ids({ banner: { born, died, age, sex, mrn, weight, weight_date } }: { banner: Banner }) {
  const years = age !== "" && <span> ({age})</span>;
  return (
    <dl class="b-ids">
      <div>
        <dt>Born</dt>
        <dd>
          <time>{born}</time>
          {died === "" && years}
        </dd>
      </div>
      {died !== "" && (
        <div>
          <dt>Died</dt>
          <dd>
            <time>{died}</time>
            {years}
          </dd>
        </div>
      )}
      <div>
        <dt class="vh">Sex</dt>
        <dd>{sex}</dd>
      </div>
      <div>
        <dt>MRN</dt>
        <dd>{mrn}</dd>
      </div>
      {weight !== "" && (
        <div>
          <dt>Weight</dt>
          <dd>
            {weight.replace(" ", "\u00a0")} <span>{weight_date !== "" && <time>{weight_date}</time>}</span>
          </dd>
        </div>
      )}
    </dl>
  );
}

/** Before the chart is read, or when it cannot be: name and birth date only, which the launch itself gave. */
export function NameBanner({ patient, onMenu }: { patient: PatientName; onMenu: (() => void) | null }) {
  return (
    <section class="banner" aria-label="Patient">
      <div class="b-name">
        <b>
          {patient.family}, {patient.given}
        </b>
      </div>
      <dl class="b-ids">
        <div>
          <dt>Born</dt>
          <dd>
            <time>{patient.born}</time>
          </dd>
        </div>
      </dl>
      {onMenu !== null && (
        <button type="button" class="icon b-menu" aria-label="Menu" onClick={onMenu}>
          <Icon name="menu" />
        </button>
      )}
    </section>
  );
}
