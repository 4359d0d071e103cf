// How pictures come in: picked, dropped, pasted, or taken with the webcam.

import { asProblem } from "./api.js";
import { camera, frame, release } from "./camera.js";
import { button, note, noteOf, once } from "./notes.js";
import { gettext, make } from "./words.js";

/**
 * Hand what is dropped on `zone`, a DataTransfer, to `onDrop`. A file that falls beside it is let
 * fall: the browser would leave the page for it.
 */
export function droppable(zone, onDrop) {
  for (const name of ["dragover", "drop"]) {
    addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      if (!zone.contains(event.target)) event.dataTransfer.dropEffect = "none";
    });
  }
  for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, () => zone.classList.add("over"));
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    onDrop(event.dataTransfer);
  });
}

/** Hand every picture that a person gives to `onFiles`; `zone` is the `.drop` element. */
export function intake(zone, onFiles) {
  const input = zone.querySelector("input[type=file]");
  const several = input.multiple;
  const take = (files) => {
    const given = [...files];
    if (given.length) onFiles(several ? given : given.slice(0, 1));
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // so that the same file can be picked again
  });
  droppable(zone, (transfer) => take(transfer.files));
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event.clipboardData.files);
  });
  const opener = zone.querySelector("[data-camera]");
  opener.hidden = false;
  opener.addEventListener("click", () => once(opener, () => webcam(take, zone)));
}

async function webcam(take, zone) {
  zone.querySelector("[data-refused]")?.remove();
  let stream;
  try {
    stream = await camera();
  } catch (error) {
    const refused = noteOf(asProblem(error));
    refused.dataset.refused = "";
    zone.append(refused);
    return;
  }
  const video = make("video", { autoplay: true, playsinline: true, muted: true });
  video.srcObject = stream;
  const said = make("div");
  const dialog = make("dialog", { "aria-label": gettext("Take a picture") }, make("figure", { class: "stage" }, video));
  const shot = async () => {
    try {
      take([await frame(video, { name: `camera-${Date.now()}.jpg` })]);
      dialog.close();
    } catch (error) {
      said.replaceChildren(noteOf(asProblem(error)));
    }
  };
  const shoot = button(gettext("Take the picture"), () => once(shoot, shot), "primary");
  for (const track of stream.getTracks()) {
    track.addEventListener("ended", () => said.replaceChildren(note("error", gettext("The camera was taken away."))));
  }
  dialog.append(said, make("div", { class: "row" }, shoot, button(gettext("Close"), () => dialog.close())));
  dialog.addEventListener("close", () => {
    release(stream);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  shoot.focus();
}
