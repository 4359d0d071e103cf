// Decisions as people read them: the scale of a similarity, the people beside it, a face's quality.

import { advised, gettext, make, say, similarity, svg } from "./words.js";

const WIDTH = 300;

/** Return a picture of a similarity beside the threshold that decided. */
export function scale(value, threshold) {
  const least = Math.max(-1, Math.min(0.8, Math.floor((Math.min(value, threshold) - 0.05) * 10) / 10));
  const at = (one) => Math.round(((Math.min(1, Math.max(least, one)) - least) / (1 - least)) * WIDTH);
  const label = say(gettext("Similarity %(value)s, threshold %(threshold)s"), { value: similarity(value), threshold: similarity(threshold) });
  const shown = svg("svg", { class: "scale", viewBox: `0 -2 ${WIDTH} 38`, role: "img", "aria-label": label });
  const mark = svg("text", { x: Math.min(WIDTH - 40, Math.max(40, at(threshold))), y: 34, "text-anchor": "middle" });
  mark.textContent = `≥ ${similarity(threshold)}`;
  shown.append(
    svg("rect", { class: "ground", x: 0, y: 4, width: WIDTH, height: 12, rx: 3 }),
    svg("rect", { class: value >= threshold ? "value" : "value below", x: 0, y: 4, width: Math.max(2, at(value)), height: 12, rx: 3 }),
    svg("line", { class: "limit", x1: at(threshold), x2: at(threshold), y1: -1, y2: 21 }),
    mark,
  );
  return shown;
}

const KINDS = {
  match: ["good", gettext("match")],
  ambiguous: ["warn", gettext("ambiguous")],
  unknown: ["bad", gettext("unknown")],
  not_searched: ["", gettext("not searched")],
};

/** Return a decision as a tag. */
export function tag(status) {
  const [kind, text] = KINDS[status] ?? ["", status];
  return make("span", { class: `tag ${kind}` }, text);
}

/** Return the address of a page of the console about a person. */
export function personAddress(gallery, userId, page = "") {
  const base = document.documentElement.dataset.users;
  return `${base}/${encodeURIComponent(gallery)}/${encodeURIComponent(userId)}${page}`;
}

/** Return a list of people with their stored pictures and similarities. */
export function people(found, { gallery }) {
  const rows = found.map((person) => make(
    "li",
    {},
    make("img", { class: "thumb", src: personAddress(gallery, person.user_id, "/thumbnail"), alt: "", loading: "lazy", width: 48, height: 48 }),
    make(
      "div",
      { class: "grow" },
      make("a", { href: personAddress(gallery, person.user_id) }, person.display_name || person.user_id),
      make("div", { class: "muted small" }, person.display_name ? `${person.user_id}` : ""),
      scale(person.similarity, person.threshold),
    ),
    make("span", { class: person.similarity >= person.threshold ? "tag good" : "tag" }, similarity(person.similarity)),
  ));
  return make("ul", { class: "people" }, ...rows);
}

/** Return what is wrong with a face in words, or that nothing is; where its `faults` are null, its size. */
export function quality(face) {
  const size = say(gettext("%(size)s px wide"), { size: Math.round(face.quality.size) });
  if (!face.faults) return make("p", { class: "small" }, size);
  if (!face.faults.length) return make("p", { class: "small" }, make("span", { class: "tag good" }, gettext("good")), ` ${size}`);
  const lines = face.faults.map((fault) => make("li", {}, `${fault.detail} ${advised(fault.hint)}`));
  return make("div", { class: "small" }, make("span", { class: "tag bad" }, gettext("not good enough")), make("ul", {}, ...lines));
}

/** Return the faces of a picture as a list, by the numbers on it: `said(index)`, then the quality of each. */
export function faceList(faces, said = () => []) {
  const number = (index) => make("h3", {}, say(gettext("Face %(number)s"), { number: index + 1 }));
  return make("ul", { class: "faces" }, ...faces.map((face, index) => make("li", {}, number(index), ...said(index), quality(face))));
}
