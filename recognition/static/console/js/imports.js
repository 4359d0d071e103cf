// The page of imports: a folder or a ZIP is dropped or chosen, and sent.

import { ask, promised, unfit } from "./api.js";
import { droppable } from "./intake.js";
import { chosen, dropped, Upload } from "./upload.js";
import { gettext } from "./words.js";

const form = document.getElementById("import");
if (form) begin();

function begin() {
  for (const one of form.querySelectorAll(".script, #folder")) one.hidden = false;
  for (const name of ["folder", "file"]) {
    const input = document.getElementById(name);
    input.addEventListener("change", () => take(chosen(input)));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  droppable(document.getElementById("drop"), (transfer) => take(dropped(transfer)));
}

/** Send `given`, files or what will be files; one chooser and one bar serve all that are sent. */
async function take(given) {
  const upload = new Upload(form);
  const zone = document.getElementById("drop");
  let address = "";
  let files = given;
  zone.hidden = true;
  await upload.attempt(async () => {
    files = await given;
    if (!files.length) throw unfit(gettext("There are no files in it."), gettext("Choose another one."));
    const isZip = files.length === 1 && /\.zip$/i.test(files[0][0]);
    const begun = await ask(location.pathname, { json: announced(files, isZip), signal: upload.control.signal });
    address = promised(begun.address, "string");
    if (isZip) await upload.sendZip(address, files[0][1], 0);
    else await upload.sendFiles(address, begun.awaited.map((place) => [place, files[place][1]]));
    await upload.complete(address);
  }, { address: () => address, again: () => take(files) });
  zone.hidden = false;
}

/** Return what an import is begun with. */
function announced(files, isZip) {
  const [[first, file]] = files;
  const consent = Object.fromEntries([...form.querySelectorAll("#consent [name]")].map((field) => [field.name, field.value]));
  const what = isZip ? { size: file.size } : { files: files.map(([path, one]) => [path, one.size]) };
  return { gallery: form.elements.gallery.value, name: isZip ? file.name : first.split("/")[0], consent, ...what };
}
