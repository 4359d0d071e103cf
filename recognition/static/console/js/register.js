// The page that registers: each picture is looked at as soon as it is chosen, then sent one by one.

import { asProblem, call, readable } from "./api.js";
import { intake } from "./intake.js";
import { button, clearErrors, note, noteOf, replace, showProblem } from "./notes.js";
import { personAddress, quality } from "./results.js";
import { cut, Stage } from "./stage.js";
import { advised, gettext, make, ngettext, say, similarity } from "./words.js";

const form = document.querySelector("#register");
const list = document.querySelector("#pictures");
const said = document.querySelector("#said");
const items = [];
// What speaks against one picture; everything else concerns all of them.
const OF_THE_PICTURE = ["invalid_image", "image_too_large", "unsupported_image", "no_face", "multiple_faces", "face_too_small", "low_quality"];
let sending = false;

intake(form.querySelector(".drop"), (files) => {
  if (sending) return; // which pictures are sent is settled
  files.forEach((file) => items.push(new Item(file)));
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  register();
});
form.addEventListener("reset", () => {
  items.splice(0).forEach((item) => item.drop());
  said.replaceChildren();
  clearErrors(form);
});
const preview = form.querySelector("[data-preview]");
preview.hidden = false;
preview.addEventListener("click", () => (items.length ? items.forEach((item) => item.look()) : missing()));
form.elements.gallery.addEventListener("change", () => items.forEach((item) => item.look()));

/** One picture: its card on the page, the faces found in it, which one is meant. */
class Item {
  constructor(file) {
    this.file = file;
    this.card = document.querySelector("#picture").content.firstElementChild.cloneNode(true);
    this.card.querySelector("h3").textContent = file.name;
    this.state = this.card.querySelector("[data-state]");
    this.bar = this.card.querySelector("progress");
    this.facts = this.card.querySelector("[data-facts]");
    const remove = this.card.querySelector("[data-remove]");
    remove.setAttribute("aria-label", say(gettext("Remove %(name)s"), { name: file.name }));
    remove.addEventListener("click", () => this.remove());
    this.boxed = this.card.querySelector("[data-box]");
    this.boxed.addEventListener("click", () => this.toggleBox());
    list.append(this.card);
    this.stage = new Stage(this.card.querySelector("figure"), { onBox: (box) => this.within(box) });
    this.look();
  }

  /** Take the picture back; the keyboard goes on at the next one. */
  remove() {
    const place = items.indexOf(this);
    items.splice(place, 1);
    this.drop();
    const near = (items[place] ?? items[place - 1])?.card.querySelector("[data-remove]");
    (near ?? form.querySelector("input[type=file]")).focus();
  }

  /** Take the card from the page, and let go of the picture. */
  drop() {
    this.turn += 1;
    this.stage.clear();
    this.card.remove();
  }

  /** Find the faces of the picture and show them; nothing is stored. */
  async look() {
    const turn = (this.turn = (this.turn ?? 0) + 1); // an answer that comes too late is dropped
    this.faces = [];
    this.chosen = null;
    this.edit(null);
    this.done = null;
    this.busy(gettext("Looking for faces…"));
    this.shown = await this.stage.show(this.file);
    try {
      await readable(this.file);
      const found = await call("/detect", { form: { file: this.file, gallery: form.elements.gallery.value } });
      if (turn !== this.turn) return;
      this.faces = found.faces;
      if (found.picture) this.stage.size(found.picture.width, found.picture.height);
      if (this.faces.length === 1) this.chosen = 0;
      this.boxed.hidden = !this.shown;
      this.draw();
    } catch (error) {
      if (turn === this.turn) this.refuse(asProblem(error), () => this.look());
    }
  }

  draw() {
    const { faces } = this;
    this.stage.draw(faces.map((face, index) => ({ ...face, chosen: index === this.chosen })), (index) => this.choose(index));
    const count = faces.length;
    const found = ngettext("One face", "%(count)s faces: choose the one that is meant, or leave it to the service", count);
    this.state.textContent = count ? say(found, { count }) : gettext("No face was found. Use a sharp picture that shows the whole face.");
    this.bar.hidden = true;
    replace(this.facts, ...(count > 1 ? [this.choices()] : faces.map(quality)));
  }

  /** Return the faces as a list, each with a button that chooses it. */
  choices() {
    const choices = this.faces.map((face, index) => {
      const choose = button(say(gettext("Face %(number)s"), { number: index + 1 }), () => {
        this.choose(index);
        this.facts.querySelectorAll("[aria-pressed]")[index]?.focus();
      });
      choose.setAttribute("aria-pressed", index === this.chosen);
      return make("li", {}, choose, quality(face));
    });
    return make("ul", { class: "faces" }, ...choices);
  }

  choose(index) {
    if (sending) return;
    this.chosen = this.chosen === index && this.faces.length > 1 ? null : index;
    this.edit(null);
    this.draw();
  }

  /** Show a box to be moved and resized, or none. */
  edit(box) {
    this.box = box;
    this.stage.edit(box);
    this.boxed.setAttribute("aria-pressed", Boolean(box));
  }

  /** Let a box be drawn around the face that is meant, or go back to the faces found. */
  toggleBox() {
    if (this.box) {
      this.edit(null);
      this.draw();
      return;
    }
    const { width, height } = this.stage;
    const face = this.faces[this.chosen ?? 0]?.box ?? { x: width / 4, y: height / 4, width: width / 2, height: height / 2 };
    const margin = face.width * 0.25;
    this.edit({ x: face.x - margin, y: face.y - margin, width: face.width + 2 * margin, height: face.height + 2 * margin });
    this.stage.area.focus();
    this.within(this.stage.box);
  }

  /** Look for a face inside `box` alone. */
  async within(box) {
    if (sending || this.done) return;
    const turn = (this.turn += 1);
    this.box = box;
    this.busy(gettext("Looking inside the box…"));
    try {
      const found = await call("/register", { form: { ...this.fields(), user_id: form.elements.user_id.value || "preview", dry_run: "true" } });
      if (turn !== this.turn) return;
      this.state.textContent = gettext("A face was found inside the box.");
      this.bar.hidden = true;
      this.facts.replaceChildren(...found.accepted.map(({ face }) => quality({ ...face, faults: [] })));
    } catch (error) {
      if (turn === this.turn) this.refuse(asProblem(error));
    }
  }

  fields() {
    const { box } = this;
    const round = (value) => Math.round(value * 10) / 10;
    const consent = [...form.querySelectorAll("#consent [name]")].map((field) => [field.name, field.value]);
    return {
      ...Object.fromEntries(consent),
      file: this.file,
      gallery: form.elements.gallery.value,
      face: box || this.faces.length < 2 ? null : this.chosen,
      box: box && [box.x, box.y, box.width, box.height].map(round).join(","),
    };
  }

  busy(text) {
    this.state.textContent = text;
    this.bar.hidden = false;
    this.bar.removeAttribute("value");
    replace(this.facts);
  }

  /**
   * Send the picture for `person`; returns accepted, rejected or skipped.
   * Throws what concerns all pictures.
   */
  async send(person, onDuplicate = "reject") {
    const whom = `${person.gallery}/${person.user_id}`;
    if (this.done === whom) return "accepted";
    this.turn += 1;
    this.busy(gettext("Sending…"));
    try {
      const answer = await call("/register", { form: { ...this.fields(), ...person, on_duplicate: onDuplicate } });
      this.accept(answer);
      this.done = whom;
      return "accepted";
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code === "duplicate_face") return this.askAbout(person, problem);
      if (OF_THE_PICTURE.includes(problem.code)) {
        this.refuse(problem);
        return "rejected";
      }
      this.bar.hidden = true;
      this.state.textContent = problem.status === 0 || problem.status >= 500 ? gettext("It is not known whether this picture was stored; sending it again does no harm.") : gettext("Not stored");
      throw problem;
    }
  }

  accept(answer) {
    this.bar.hidden = false;
    this.bar.value = 1;
    const [taken] = answer.accepted;
    this.state.textContent = taken.new ? gettext("Accepted") : gettext("This person has this picture already; nothing was added.");
    this.facts.replaceChildren(quality({ ...taken.face, faults: [] }));
  }

  refuse(problem, again = null) {
    this.bar.hidden = true;
    this.state.textContent = OF_THE_PICTURE.includes(problem.code) ? gettext("Cannot be used") : gettext("Not looked at yet");
    const [rejected] = problem.body?.rejected ?? [];
    const reason = rejected ? note("error", rejected.detail, advised(rejected.hint)) : noteOf(problem, again);
    replace(this.facts, reason);
    if (problem.code === "multiple_faces") this.facts.append(this.choices());
  }

  /** Show both faces side by side and ask whether they are two people. */
  async askAbout(person, problem) {
    const [other] = problem.body.possible_duplicates;
    const face = this.box ?? this.faces[this.chosen ?? 0]?.box;
    const { gallery } = person;
    const figure = (src, text) => make("figure", {}, make("img", { src, alt: "", width: 144, height: 144 }), make("figcaption", {}, text));
    const asked = make(
      "dialog",
      { "aria-labelledby": "alike" },
      make("h2", { id: "alike" }, say(gettext("Is this %(name)s?"), { name: other.user_id })),
      make("p", {}, say(gettext("This face looks like somebody who is registered already (similarity %(value)s)."), { value: similarity(other.similarity) })),
      make(
        "div",
        { class: "side-by-side" },
        figure(this.shown && face ? cut(this.stage.image, face) : "", this.file.name),
        figure(personAddress(gallery, other.user_id, "/thumbnail"), other.user_id),
      ),
    );
    const answer = await ask(asked, [
      [gettext("Leave it out"), "skip", "primary"],
      [gettext("They are two people: register"), "flag", ""],
    ]);
    if (answer === "flag") return this.send(person, "flag");
    this.bar.hidden = true;
    this.state.textContent = gettext("Left out");
    this.facts.replaceChildren(note("warning", say(gettext("Looks like %(name)s."), { name: other.user_id })));
    return "skipped";
  }
}

/** Show a dialog with buttons; resolves to the value of the one that was pressed, "" for none. */
function ask(dialog, choices) {
  const buttons = choices.map(([text, value, kind]) => button(text, () => dialog.close(value), kind));
  dialog.append(make("div", { class: "row" }, ...buttons));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

function missing() {
  said.replaceChildren(note("error", gettext("Choose at least one picture.")));
  form.querySelector("input[type=file]").focus();
}

async function register() {
  if (sending) return;
  clearErrors(form);
  if (!items.length) {
    missing();
    return;
  }
  const person = Object.fromEntries(["user_id", "display_name", "gallery"].map((name) => [name, form.elements[name].value]));
  const counts = { accepted: 0, rejected: 0, skipped: 0 };
  let problem = null;
  freeze(true);
  try {
    for (const item of [...items]) counts[await item.send(person)] += 1;
  } catch (error) {
    problem = error;
  }
  freeze(false);
  if (problem) showProblem(form, said, problem, register);
  else tell(person, counts);
}

/**
 * While pictures are sent, nothing may change whom they are sent for, or which they are. The keyboard
 * stays at the button, which is therefore not disabled.
 */
function freeze(on) {
  sending = on;
  const pressed = form.querySelector("button.primary");
  if (on) pressed.focus();
  pressed.ariaDisabled = on ? "true" : null;
  for (const element of form.elements) if (element !== pressed) element.disabled = on;
  list.querySelectorAll("button").forEach((one) => (one.disabled = on));
}

function tell({ user_id: user, gallery }, { accepted, rejected, skipped }) {
  const text = say(gettext("%(user)s: %(accepted)s accepted, %(rejected)s refused, %(skipped)s left out."), { user, accepted, rejected, skipped });
  const shown = note(accepted ? "success" : "warning", text);
  if (accepted) shown.append(make("p", {}, make("a", { href: personAddress(gallery, user) }, gettext("Look at this person"))));
  replace(said, shown);
}
