// The page that identifies everybody in a picture (1:N).

import { call } from "./api.js";
import { note } from "./notes.js";
import { Probe } from "./probe.js";
import { people, tag } from "./results.js";
import { gettext, make, say } from "./words.js";

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
  const list = answer.faces.map((face, index) => shown(face, index, gallery));
  probe.show(
    make("h2", {}, answer.message),
    make("p", { class: "muted small" }, say(gettext("Compared with %(people)s people; the threshold is %(threshold)s."), { people: answer.total_registered_faces, threshold: answer.threshold.toFixed(3) })),
    answer.warning ? note("warning", answer.warning) : null,
    ...(answer.conflicts ?? []).map(({ user_id: user, faces }) => note("warning", say(gettext("%(user)s is found %(count)s times in this picture: a mirror, a collage, or a mistake."), { user, count: faces.length }))),
    make("ul", { class: "faces" }, ...list),
  );
}

function nameOf(status, matches) {
  const names = matches.map((person) => person.display_name || person.user_id);
  if (status === "match") return names[0];
  if (status === "ambiguous") return names.slice(0, 2).join(" / ");
  return status === "unknown" ? gettext("unknown") : "";
}

function shown({ status, reason, matches, candidates }, index, gallery) {
  const near = candidates.length ? candidates : matches;
  return make(
    "li",
    {},
    make("h3", {}, say(gettext("Face %(number)s"), { number: index + 1 }), " ", tag(status)),
    make("p", {}, nameOf(status, matches) && status !== "unknown" ? make("strong", {}, nameOf(status, matches)) : null, ` ${reason ?? ""}`),
    near.length ? make("h4", { class: "only-read" }, gettext("The nearest people")) : null,
    people(near, { gallery }),
  );
}
