// The page that shows a new key: copy it.

import { gettext } from "./words.js";

const field = document.querySelector("#api-key");
const said = document.querySelector("#said");
const copy = document.querySelector("[data-copy]");

copy.hidden = false;
copy.addEventListener("click", async () => {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    said.textContent = gettext("Copied.");
  } catch {
    // Browsers give the clipboard to https and localhost only, where it is not refused.
    said.textContent = gettext("The browser does not let this page copy. The key is selected: press Ctrl+C.");
  }
});
