// Asking before something is done that cannot be undone.

import { button } from "./notes.js";
import { gettext, make } from "./words.js";

/** Ask in a dialog; resolves to whether the button with the text `yes` was pressed. */
export function sure(title, text, yes) {
  const dialog = make("dialog", { "aria-labelledby": "sure-title" }, make("h2", { id: "sure-title" }, title), make("p", {}, text));
  const no = button(gettext("Cancel"), () => dialog.close(""));
  dialog.append(make("div", { class: "row" }, button(yes, () => dialog.close("yes"), "danger"), no));
  document.body.append(dialog);
  dialog.showModal();
  no.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
