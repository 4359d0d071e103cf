// How pictures come in: picked, dropped, pasted, or taken with the webcam.

import { camera, frame, release } from "./camera.js";
import { button, note } from "./notes.js";
import { gettext, make } from "./words.js";

/** Hand every picture that a person gives to `onFiles`; `zone` is the `.drop` element. */
export function intake(zone, onFiles) {
  const input = zone.querySelector("input[type=file]");
  const several = input.multiple;
  const take = (files) => {
    const given = [...files].filter((file) => file.size || file.type);
    if (given.length) onFiles(several ? given : given.slice(0, 1));
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // so that the same file can be picked again
  });
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event.clipboardData.files);
  });
  const opener = zone.querySelector("[data-camera]");
  opener.hidden = false;
  opener.addEventListener("click", async () => {
    opener.disabled = true;
    await webcam(take, zone);
    opener.disabled = false;
  });
}

async function webcam(take, zone) {
  zone.querySelector("[data-refused]")?.remove();
  let stream;
  try {
    stream = await camera();
  } catch (error) {
    const refused = note("error", error.message);
    refused.dataset.refused = "";
    zone.append(refused);
    return;
  }
  const video = make("video", { autoplay: true, playsinline: true, muted: true });
  video.srcObject = stream;
  const dialog = make("dialog", { "aria-label": gettext("Take a picture") }, make("figure", { class: "stage" }, video));
  const shoot = button(gettext("Take the picture"), async () => {
    if (!video.videoWidth) return;
    shoot.disabled = true;
    try {
      take([await frame(video, { name: `camera-${Date.now()}.jpg` })]);
      dialog.close();
    } catch (error) {
      shoot.disabled = false;
      dialog.append(note("error", error.message));
    }
  }, "primary");
  for (const track of stream.getTracks()) {
    track.addEventListener("ended", () => dialog.append(note("error", gettext("The camera was taken away."))));
  }
  dialog.append(make("div", { class: "row" }, shoot, button(gettext("Close"), () => dialog.close())));
  dialog.addEventListener("close", () => {
    release(stream);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  shoot.focus();
}
