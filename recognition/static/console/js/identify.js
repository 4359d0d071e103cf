// The page that identifies everybody in a picture (1:N).

import { call } from "./api.js";
import { note } from "./notes.js";
import { Probe } from "./probe.js";
import { faceList, people, tag } from "./results.js";
import { gettext, make, ngettext, say, similarity } from "./words.js";

const NEAREST = 5;

new Probe(document.querySelector("#identify"), {
  async send(probe) {
    const fields = probe.fields();
    const may = probe.form.dataset.candidates !== undefined;
    const answer = await call("/identify", { form: { ...fields, candidates: may ? NEAREST : null } });
    return () => show(probe, answer, fields.gallery);
  },
});

function show(probe, answer, gallery) {
  probe.stage.draw(answer.faces.map(({ face, status, matches }) => ({ ...face, kind: status, name: nameOf(status, matches) })));
  // Why a face was not searched stands in its reason.
  const faces = answer.faces.map(({ face, status }) => ({ ...face, faults: status === "not_searched" ? null : [] }));
  probe.show(
    make("h2", {}, answer.message),
    make("p", { class: "muted small" }, compared(answer.total_registered_faces, answer.threshold)),
    answer.warning ? note("warning", answer.warning) : null,
    ...(answer.conflicts ?? []).map(({ user_id: user, faces }) => note("warning", say(gettext("%(user)s is found %(count)s times in this picture: a mirror, a collage, or a mistake."), { user, count: faces.length }))),
    faceList(faces, (index) => decided(answer.faces[index], gallery)),
  );
}

function compared(people, threshold) {
  const text = ngettext("Compared with one person; the threshold is %(threshold)s.", "Compared with %(people)s people; the threshold is %(threshold)s.", people);
  return say(text, { people, threshold: similarity(threshold) });
}

function nameOf(status, matches) {
  const names = matches.map((person) => person.display_name || person.user_id);
  if (status === "match") return names[0];
  if (status === "ambiguous") return names.slice(0, 2).join(" / ");
  return status === "unknown" ? gettext("unknown") : "";
}

/** Return what was decided about a face. */
function decided({ status, reason, matches, candidates }, gallery) {
  const near = candidates.length ? candidates : matches;
  const name = status === "unknown" ? "" : nameOf(status, matches);
  return [
    make("p", {}, tag(status), " ", name ? make("strong", {}, name) : null, ` ${reason ?? ""}`),
    ...(near.length ? [make("h4", { class: "only-read" }, gettext("The nearest people")), people(near, { gallery })] : []),
  ];
}
