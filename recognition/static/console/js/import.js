// The page of one import: how far it is, asked every second; an upload that broke off goes on.

import { ask, asProblem, promised, unfit } from "./api.js";
import { droppable } from "./intake.js";
import { chosen, dropped, hear, Upload } from "./upload.js";
import { gettext, ngettext, say } from "./words.js";

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
    try {
      const progress = await ask(panel.dataset.address, { method: "GET" });
      if (!UNDER_WAY.includes(promised(progress.state, "string"))) {
        location.reload(); // what became of each file is told there
        return;
      }
      show(progress);
    } catch (error) {
      const problem = asProblem(error);
      part("said").textContent = `${problem.message} ${problem.hint}`;
      hear(problem.message);
      if (problem.status === 404) return; // it was discarded elsewhere
      // Else the server starts again, and so does the import.
    }
  }
}

function show(progress) {
  const bar = panel.querySelector("progress");
  bar.max = progress.total || 1;
  bar.value = progress.done;
  const state = progress.state === "running" ? gettext("running") : gettext("waiting");
  part("tag").firstElementChild.textContent = state;
  hear(progress.trouble || say(gettext("State: %(state)s"), { state })); // not how far it is
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
  input.addEventListener("change", () => take(chosen(input)));
  droppable(form, (transfer) => take(dropped(transfer)));
}

async function take(given) {
  const upload = new Upload(form);
  let files = given;
  form.hidden = true;
  await upload.attempt(async () => {
    files = await given;
    const wanted = await ask(form.dataset.address, { method: "GET", signal: upload.control.signal });
    if (wanted.kind === "zip") await zip(upload, wanted, files);
    else await folder(upload, wanted, files);
  }, { address: () => "", again: () => take(files) });
  form.hidden = false;
}

async function zip(upload, wanted, files) {
  const [, file] = files[0] ?? [];
  if (file?.size !== wanted.size) throw unfit(gettext("This is another file: its size differs."), gettext("Choose the one that the import was begun with."));
  await upload.sendZip(wanted.address, file, wanted.received);
  await upload.complete(wanted.address);
}

async function folder(upload, wanted, files) {
  const there = new Map(files);
  const found = wanted.awaited.filter(([, path]) => there.has(path));
  if (found.length < wanted.awaited.length) {
    const missing = wanted.awaited.length - found.length;
    const text = ngettext("One file is not in this folder.", "%(missing)s files are not in this folder.", missing);
    throw unfit(say(text, { missing }), gettext("Choose the one that the import was begun with."));
  }
  await upload.sendFiles(wanted.address, found.map(([number, path]) => [number, there.get(path)]));
  await upload.complete(wanted.address);
}
