// The page of imports: a folder or a ZIP is dropped or chosen, and sent.

import { ask } from "./api.js";
import { note } from "./notes.js";
import { chosen, dropped, Upload } from "./upload.js";
import { gettext } from "./words.js";

const form = document.getElementById("import");
if (form) begin();

function begin() {
  for (const one of form.querySelectorAll(".script, #folder")) one.hidden = false;
  const zone = form.querySelector("#drop");
  form.querySelector("#folder").addEventListener("change", (event) => take(chosen(event.target)));
  form.querySelector("#file").addEventListener("change", (event) => take(chosen(event.target)));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    take(await dropped(event.dataTransfer));
  });
}

async function take(files) {
  const said = form.querySelector("#said");
  if (!files.length) {
    said.replaceChildren(note("error", gettext("There are no files in it.")));
    return;
  }
  const { slice, files: most, batch } = form.dataset;
  const limits = { slice: Number(slice), files: Number(most), batch: Number(batch) };
  const upload = new Upload(form.querySelector("#upload"), said, limits);
  const zone = form.querySelector("#drop");
  let address = "";
  zone.hidden = true;
  await upload.attempt(async () => {
    const [first, file] = files[0];
    const gallery = form.elements.gallery.value;
    const isZip = files.length === 1 && /\.zip$/i.test(first);
    const name = isZip ? file.name : first.split("/")[0];
    const what = isZip ? { size: file.size } : { files: files.map(([path, one]) => [path, one.size]) };
    const consent = Object.fromEntries([...form.querySelectorAll("#consent [name]")].map((field) => [field.name, field.value]));
    const begun = await ask(location.pathname, { json: { gallery, name, consent, ...what }, signal: upload.control.signal });
    address = begun.address;
    if (isZip) await upload.sendZip(address, file, 0);
    else await upload.sendFiles(address, begun.awaited.map((place) => [place, files[place][1]]));
    await upload.complete(address);
  }, () => address);
  zone.hidden = false;
}
