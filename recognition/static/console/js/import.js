// The page of one import: how far it is, asked every second; an upload that broke off goes on.

import { ask } from "./api.js";
import { note } from "./notes.js";
import { chosen, Upload } from "./upload.js";
import { gettext, say } from "./words.js";

const EVERY = 1000; // ms
const panel = document.getElementById("progress");
const part = (name) => panel.querySelector(`[data-${name}]`);
const UNDER_WAY = ["waiting", "running"];

if (UNDER_WAY.includes(panel.dataset.state)) follow();
const form = document.getElementById("resume");
if (form) resume();

async function follow() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    if (document.hidden) continue;
    let progress;
    try {
      progress = await ask(panel.dataset.address, { method: "GET" });
    } catch (problem) {
      if (!("hint" in problem)) throw problem;
      part("said").textContent = `${problem.message} ${problem.hint}`;
      continue; // the server starts again, and so does the import
    }
    if (!UNDER_WAY.includes(progress.state)) {
      location.reload(); // what became of each file is told there
      return;
    }
    show(progress);
  }
}

function show(progress) {
  const bar = panel.querySelector("progress");
  bar.max = progress.total || 1;
  bar.value = progress.done;
  part("tag").firstElementChild.textContent = progress.state === "running" ? gettext("running") : gettext("waiting");
  part("said").textContent = said(progress);
  part("worker").hidden = progress.worker;
  part("trouble").hidden = !progress.trouble;
  part("trouble").textContent = progress.trouble;
  for (const count of document.querySelectorAll("[data-count]")) {
    const { count: name } = count.dataset;
    count.textContent = name === "total" ? progress.total : progress.counts[name];
  }
}

function said(progress) {
  const files = say(gettext("%(done)s of %(total)s files"), progress);
  if (progress.cancelled) return `${files}. ${gettext("It is being cancelled.")}`;
  const left = progress.seconds_left;
  if (left === null) return files;
  const minutes = Math.round(left / 60);
  const time = left < 90 ? say(gettext("about %(left)s s left"), { left }) : say(gettext("about %(minutes)s min left"), { minutes });
  return `${files}, ${time}`;
}

function resume() {
  form.hidden = false;
  const input = form.querySelector("input");
  const place = document.getElementById("said");
  input.addEventListener("change", async () => {
    const files = chosen(input);
    const upload = new Upload(document.getElementById("upload"), place);
    form.hidden = true;
    await upload.attempt(async () => {
      const wanted = await ask(form.dataset.address, { method: "GET" });
      if (wanted.kind === "zip") await zip(upload, wanted, files);
      else await folder(upload, wanted, files);
    }, () => location.pathname);
    form.hidden = false;
  });
}

async function zip(upload, wanted, files) {
  const [[, file]] = files;
  if (file.size !== wanted.size) {
    upload.said.replaceChildren(note("error", gettext("This is another file: its size differs.")));
    return;
  }
  await upload.sendZip(wanted.address, file, wanted.received);
  await upload.complete(wanted.address);
}

async function folder(upload, wanted, files) {
  const there = new Map(files);
  const found = wanted.awaited.filter(([, path]) => there.has(path));
  if (found.length < wanted.awaited.length) {
    const missing = wanted.awaited.length - found.length;
    upload.said.replaceChildren(note("error", say(gettext("%(missing)s files are not in this folder."), { missing })));
    return;
  }
  await upload.sendFiles(wanted.address, found.map(([number, path]) => [number, there.get(path)]));
  await upload.complete(wanted.address);
}
