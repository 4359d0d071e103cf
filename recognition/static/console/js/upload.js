// How a folder or a ZIP goes up: in parts that can be sent again, so that what broke off goes on.

import { ask } from "./api.js";
import { button, noteOf } from "./notes.js";
import { gettext, say } from "./words.js";

const AT_ONCE = 2; // requests; more would only share the same line
const TRIES = 5;
const BATCH = 8 * 2 ** 20;
const FILES = 20;
const SLICE = 4 * 2 ** 20;

/** Return the files of a folder that was chosen: pairs of path and File. */
export function chosen(input) {
  return [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);
}

/** Return what was dropped: pairs of path and File, from folders too. */
export async function dropped(transfer) {
  // Entries must be taken before the first wait: the list is emptied after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => [file.name, file]);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push([entry.fullPath.replace(/^\//, ""), file]);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return; // a browser gives a hundred at a time
    for (const inner of some) await walk(inner, found);
  }
}

/** An upload with its bar; `parts` are shown as they come, `stop()` ends it. */
export class Upload {
  constructor(panel, said, { slice = SLICE, files = FILES, batch = BATCH } = {}) {
    Object.assign(this, { panel, said, slice, files, batch, done: 0, total: 0 });
    this.control = new AbortController();
    panel.querySelector("[data-stop]").addEventListener("click", () => this.control.abort());
    this.leaving = (event) => event.preventDefault();
  }

  /** Send `files`, File by place in the server's list, to the import at `address`. */
  async sendFiles(address, files) {
    this.begin(files.reduce((sum, [, file]) => sum + file.size, 0));
    const batches = this.batches(files);
    const next = async () => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        const form = new FormData();
        for (const [place, file] of batch) form.append(String(place), file, file.name);
        await this.send(`${address}/files`, form);
        this.show(this.done + batch.reduce((sum, [, file]) => sum + file.size, 0));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  batches(files) {
    const batches = [[]];
    let size = 0;
    for (const one of files) {
      const last = batches.at(-1);
      if (last.length && (last.length >= this.files || size + one[1].size > this.batch)) {
        batches.push([]);
        size = 0;
      }
      batches.at(-1).push(one);
      size += one[1].size;
    }
    return batches.filter((batch) => batch.length);
  }

  /** Send a ZIP from byte `received` on to the import at `address`. */
  async sendZip(address, file, received) {
    this.begin(file.size);
    this.show(received);
    while (received < file.size) {
      const form = new FormData();
      form.append("offset", String(received));
      form.append("slice", file.slice(received, received + this.slice), "slice");
      received = (await this.send(`${address}/slices`, form)).received;
      this.show(received);
    }
  }

  /** Hand the import over, and go to its page. */
  async complete(address) {
    await this.send(`${address}/complete`, new FormData());
    this.end();
    location.assign(address);
  }

  /** Send one part, again where the line broke or the service was busy. */
  async send(address, form) {
    for (let tried = 1; ; tried++) {
      try {
        return await ask(address, { form, signal: this.control.signal });
      } catch (problem) {
        const passes = problem.status === 0 || problem.status === 429 || problem.status >= 502;
        if (problem.name === "AbortError" || !passes || tried === TRIES) throw problem;
        const wait = Math.min(30, Math.max(problem.wait, 2 ** tried / 2));
        await new Promise((resolve) => setTimeout(resolve, wait * 1000));
      }
    }
  }

  begin(total) {
    this.total = total;
    this.panel.hidden = false;
    addEventListener("beforeunload", this.leaving);
    this.show(0);
  }

  show(done) {
    this.done = done;
    this.panel.querySelector("progress").value = this.total ? done / this.total : 1;
    const share = { done: megabytes(done), total: megabytes(this.total) };
    this.panel.querySelector("[data-state]").textContent = say(gettext("%(done)s of %(total)s MB are sent."), share);
  }

  end() {
    removeEventListener("beforeunload", this.leaving);
    this.panel.hidden = true;
  }

  /** Run `act`; what goes wrong is said, with a button to go on at `address()`. */
  async attempt(act, address) {
    this.said.replaceChildren();
    try {
      await act();
    } catch (problem) {
      this.end();
      if (problem.name === "AbortError") {
        location.assign(address() || location.href);
        return;
      }
      if (!("hint" in problem)) throw problem;
      const shown = noteOf(problem);
      if (address()) shown.append(button(gettext("Go on or discard it"), () => location.assign(address())));
      this.said.replaceChildren(shown);
    }
  }
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
