// How pages say what happened: notes with live regions, errors beside their fields, countdowns.

import { asProblem } from "./api.js";
import { gettext, make, say, sentence } from "./words.js";

/** Make a note: `kind` is success, warning or error. */
export function note(kind, ...content) {
  const role = kind === "error" ? "alert" : "status";
  return make("div", { class: `note ${kind}`, role }, ...content.map((one) => (typeof one === "string" ? make("p", {}, one) : one)));
}

/** Make a note of a Problem; one that says how long to wait counts down, then calls `again`. */
export function noteOf(problem, again = null) {
  const shown = note("error", problem.message, ...(problem.hint ? [problem.hint] : []));
  if (problem.wait > 0) shown.append(countdown(problem.wait, again));
  return shown;
}

function countdown(seconds, again) {
  const line = make("p", { "data-countdown": true, "aria-live": "off" });
  let left = Math.ceil(seconds);
  const tick = () => {
    if (!line.isConnected && left < seconds) return;
    line.textContent = left > 0 ? say(gettext("Wait %(left)s s."), { left }) : gettext("You can try again now.");
    if (left-- > 0) setTimeout(tick, 1000);
    else if (again) line.replaceChildren(button(gettext("Try again"), again));
  };
  tick();
  return line;
}

/** Make a button. */
export function button(text, act, kind = "") {
  const made = make("button", { type: "button", class: kind || null }, text);
  made.addEventListener("click", act);
  return made;
}

/**
 * Run `act` while `pressed` cannot be pressed again. It stays what the keyboard is at: a disabled
 * button would lose that.
 */
export async function once(pressed, act) {
  if (pressed.ariaDisabled === "true") return;
  pressed.ariaDisabled = "true";
  try {
    await act();
  } finally {
    pressed.ariaDisabled = null;
  }
}

/** Show `content` in `place` instead of what is there; the keyboard, if it was in there, stays at it. */
export function replace(place, ...content) {
  const within = place.contains(document.activeElement);
  place.replaceChildren(...content);
  if (!within) return;
  place.tabIndex = -1;
  place.focus();
}

/** Show a Problem's sentences beside the fields they are about, the rest in `place`. */
export function showProblem(form, place, error, again = null) {
  const problem = asProblem(error);
  clearErrors(form);
  let besides = 0;
  for (const [name, said] of Object.entries(problem.errors)) {
    const field = form.elements.namedItem(name.split(".")[0]);
    if (!(field instanceof HTMLElement) || field.type === "hidden" || field.closest("[hidden]")) continue;
    const id = `${field.id || name}-error`;
    field.closest("details")?.setAttribute("open", "");
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${id}`.trim());
    field.closest(".field")?.append(make("p", { class: "errors", id, "data-error": true }, sentence(said)));
    if (!besides++) field.focus();
  }
  if (besides < Object.keys(problem.errors).length || !besides) replace(place, noteOf(problem, again));
  else replace(place, note("error", gettext("Some fields need another look.")));
}

/** Take the errors away that `showProblem` showed. */
export function clearErrors(form) {
  form.querySelectorAll("[data-error]").forEach((one) => one.remove());
  form.querySelectorAll("[aria-invalid]").forEach((field) => {
    field.removeAttribute("aria-invalid");
    const others = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => !id.endsWith("-error"));
    if (others.join("")) field.setAttribute("aria-describedby", others.join(" "));
    else field.removeAttribute("aria-describedby");
  });
}
