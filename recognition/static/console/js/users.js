// The list of users: unregister one without a reload, choose all of a page.

import { asProblem, call } from "./api.js";
import { sure } from "./dialog.js";
import { note, noteOf } from "./notes.js";
import { gettext, say } from "./words.js";

const form = document.querySelector("#users");
const said = document.querySelector("#said");
const several = form.querySelector("[data-several]");
const all = form.querySelector("[data-all]");

const GO_ON = "#main"; // where the keyboard goes on after a reload, to which browsers do not see
if (location.hash === GO_ON) document.querySelector(GO_ON).focus();

const boxes = () => [...form.querySelectorAll("tbody input[name=user_id]")];

form.addEventListener("click", async (event) => {
  const pressed = event.target.closest("[data-unregister]");
  if (!pressed) return;
  event.preventDefault();
  const title = say(gettext("Unregister %(name)s?"), { name: pressed.value });
  const text = gettext("All references of this person are erased. There is no way back.");
  if (await sure(title, text, gettext("Unregister"))) unregister(pressed);
});

async function unregister(pressed) {
  const [name, row] = [pressed.value, pressed.closest("tr")];
  pressed.disabled = true;
  try {
    const gallery = encodeURIComponent(form.dataset.gallery);
    await call(`/unregister/${encodeURIComponent(name)}?gallery=${gallery}`, { method: "DELETE" });
  } catch (problem) {
    pressed.disabled = false;
    said.replaceChildren(noteOf(asProblem(problem)));
    if (problem.code !== "user_not_found") { // else somebody else was quicker
      pressed.focus(); // which it lost, being disabled
      return;
    }
  }
  said.replaceChildren(note("success", say(gettext("%(name)s is erased."), { name })));
  leave(row);
}

/** Take a row away, count one less, and keep the keyboard where it was. */
function leave(row) {
  const near = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("a");
  row.remove();
  const count = form.querySelector("[data-count]");
  count.textContent = Math.max(0, Number(count.textContent) - 1);
  tick();
  if (near) {
    near.focus();
    return;
  }
  history.replaceState(null, "", GO_ON);
  location.reload(); // the page is empty; others may not be
}

function tick() {
  if (!several) return;
  const chosen = boxes().filter((box) => box.checked).length;
  several.disabled = !chosen;
  several.textContent = chosen
    ? say(gettext("Unregister the %(count)s chosen…"), { count: chosen })
    : gettext("Unregister the chosen ones…");
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
}

if (all) {
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    boxes().forEach((box) => { box.checked = all.checked; });
    tick();
  });
}
form.addEventListener("change", tick);
tick();
