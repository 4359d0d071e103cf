// What Verify and Identify share: one picture comes in, is shown, looked at and sent.

import { call, readable } from "./api.js";
import { intake } from "./intake.js";
import { clearErrors, note, once, replace, showProblem } from "./notes.js";
import { faceList, quality } from "./results.js";
import { Stage } from "./stage.js";
import { gettext, make, ngettext, say } from "./words.js";

/** Wire a page with one picture; `send(probe)` asks the API and returns what shows its answer. */
export class Probe {
  constructor(form, { send }) {
    this.form = form;
    this.send = send;
    this.said = document.querySelector("#said");
    this.result = document.querySelector("#result");
    this.figure = document.querySelector("#stage");
    this.stage = new Stage(this.figure);
    this.file = null;
    this.faces = [];
    this.turn = 0; // of what was asked for: an answer that comes after a later question is dropped
    form.querySelector("[data-preview]").hidden = false;
    intake(form.querySelector(".drop"), ([file]) => this.take(file));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    form.addEventListener("reset", () => this.reset());
    form.querySelector("[data-preview]").addEventListener("click", () => (this.file ? this.look() : this.missing()));
  }

  async take(file) {
    this.release();
    this.file = file;
    this.result.replaceChildren();
    await this.look();
  }

  /** Show the picture and the faces found in it. */
  async look() {
    const turn = ++this.turn;
    this.faces = [];
    this.chosen = null;
    this.figure.hidden = false;
    replace(this.said, note("success", gettext("Looking for faces…")));
    this.stage.draw([]);
    await this.stage.show(this.file);
    if (turn !== this.turn) return;
    try {
      await readable(this.file);
      const found = await call("/detect", { form: { file: this.file, gallery: this.form.elements.gallery.value } });
      if (turn !== this.turn) return;
      this.faces = found.faces;
      if (found.picture) this.stage.size(found.picture.width, found.picture.height);
      this.draw();
      const count = this.faces.length;
      const text = say(ngettext("One face was found.", "%(count)s faces were found.", count), { count });
      replace(this.said, count ? note("success", text) : note("warning", gettext("No face was found.")));
      if (count === 1) this.said.append(quality(this.faces[0]));
      this.list();
    } catch (problem) {
      if (turn === this.turn) this.fail(problem, () => this.look());
    }
  }

  /** Draw the faces; `decided`: what is known of some, by their places. */
  draw(decided = {}) {
    const choose = this.form.dataset.choose === undefined ? null : (index) => {
      this.chosen = this.chosen === index ? null : index;
      this.list(); // what was decided is about another face
      this.draw();
    };
    this.stage.draw(this.faces.map((face, index) => ({ ...face, chosen: index === this.chosen, ...decided[index] })), choose);
  }

  /** List the faces under the picture where there are several, as long as nothing is decided. */
  list() {
    this.result.replaceChildren(...(this.faces.length > 1 ? [faceList(this.faces)] : []));
  }

  /** Let the button be pressed again: the answer that is under way will be dropped. */
  release() {
    this.form.querySelector("button.primary").ariaDisabled = null;
  }

  missing() {
    this.said.replaceChildren(note("error", gettext("Choose a picture.")));
    this.form.querySelector("input[type=file]").focus();
  }

  async submit() {
    clearErrors(this.form);
    if (this.file) await once(this.form.querySelector("button.primary"), () => this.compare());
    else this.missing();
  }

  async compare() {
    const turn = ++this.turn;
    replace(this.said, note("success", gettext("Comparing…")));
    try {
      const show = await this.send(this);
      if (turn === this.turn) show();
    } catch (problem) {
      if (turn !== this.turn) return;
      this.result.replaceChildren();
      this.fail(problem, () => this.submit());
    }
  }

  fail(problem, again) {
    showProblem(this.form, this.said, problem, again);
  }

  reset() {
    this.release();
    this.turn += 1;
    this.file = null;
    this.faces = [];
    this.figure.hidden = true;
    this.stage.clear();
    this.said.replaceChildren();
    this.result.replaceChildren();
    clearErrors(this.form);
  }

  /** Return the fields that every call takes; those left empty are not sent. */
  fields(...names) {
    const sent = { file: this.file };
    for (const name of ["gallery", "threshold", ...names]) sent[name] = this.form.elements[name]?.value;
    return sent;
  }

  /** Show what was decided. */
  show(...content) {
    this.said.replaceChildren();
    this.result.replaceChildren(make("div", { class: "panel" }, ...content));
    this.result.focus();
  }
}
