// The page that verifies a claimed person (1:1).

import { call } from "./api.js";
import { note } from "./notes.js";
import { Probe } from "./probe.js";
import { faceList, personAddress, quality, scale } from "./results.js";
import { gettext, make, say } from "./words.js";

new Probe(document.querySelector("#verify"), {
  async send(probe) {
    const fields = { ...probe.fields("user_id"), face: probe.faces.length > 1 ? probe.chosen : null };
    const answer = await call("/verify", { form: fields });
    return () => show(probe, answer, fields.gallery);
  },
});

function show(probe, answer, gallery) {
  const kind = answer.verified ? "match" : "unknown";
  const name = answer.verified ? answer.user_id : gettext("not verified");
  const one = answer.face_index;
  // Those seen before are the same, unless the answer came before they were.
  if (probe.faces.length !== answer.faces_found) probe.faces = [];
  if (probe.faces.length) probe.draw({ [one]: { name, kind } });
  else probe.stage.draw([{ ...answer.face, name, kind }]);
  const verdict = answer.verified ? gettext("Yes, this is %(user)s.") : gettext("This was not verified as %(user)s.");
  probe.show(
    make("h2", {}, say(verdict, { user: answer.user_id })),
    make("p", {}, make("span", { class: answer.verified ? "tag good" : "tag bad" }, answer.verified ? gettext("verified") : gettext("not verified")), ` ${answer.reason}`),
    answer.warning ? note("warning", answer.warning) : null,
    answer.similarity === null ? null : scale(answer.similarity, answer.threshold),
    make(
      "div",
      { class: "row" },
      make("img", { class: "thumb large", src: personAddress(gallery, answer.user_id, "/thumbnail"), alt: say(gettext("Stored picture of %(user)s"), { user: answer.user_id }), width: 112, height: 112 }),
      make("a", { href: personAddress(gallery, answer.user_id) }, gettext("Look at this person")),
    ),
    probe.faces.length > 1
      ? faceList(probe.faces, (index) => (index === one ? [make("p", {}, make("strong", {}, gettext("This face was compared.")))] : []))
      : quality({ ...answer.face, faults: [] }),
    answer.faces_found > 1 ? make("p", { class: "muted small" }, say(gettext("%(count)s faces are in the picture; the one in the middle counts unless another is chosen."), { count: answer.faces_found })) : null,
  );
}
