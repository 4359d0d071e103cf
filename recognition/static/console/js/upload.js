// How a folder or a ZIP goes up: in parts that can be sent again, so that what broke off goes on.

import { ask, Problem, promised, readable, unreadable } from "./api.js";
import { button, clearErrors, showProblem } from "./notes.js";
import { gettext, say } from "./words.js";

const AT_ONCE = 2; // requests; more would only share the same line
const TRIES = 5;

/** Take the files of a folder that was chosen: pairs of path and File. */
export function chosen(input) {
  const files = [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);
  input.value = ""; // so that the same can be chosen again
  return files;
}

/** Return what was dropped: pairs of path and File, from folders too. Throws a Problem. */
export async function dropped(transfer) {
  // Entries must be taken before the first wait: the list is emptied after the event.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => [file.name, file]);
  const found = [];
  for (const entry of entries) {
    try {
      await walk(entry, found);
    } catch (error) {
      console.warn(error);
      throw unreadable(entry.name);
    }
  }
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

/**
 * An upload from `form`, whose data say how much may be sent at once. Its bar is in #upload, with a
 * button that stops it; what comes of it stands in #said. What is heard of it (#heard) is how it
 * begins and what is in its way, not each step of the bar.
 */
export class Upload {
  constructor(form) {
    const [slice, files, batch] = ["slice", "files", "batch"].map((name) => Number(form.dataset[name]));
    Object.assign(this, { form, slice, files, batch, done: 0, total: 0, over: false });
    this.panel = document.getElementById("upload");
    this.said = document.getElementById("said");
    this.stopper = this.panel.querySelector("[data-stop]");
    this.control = new AbortController();
    this.stopper.onclick = () => this.control.abort(); // instead of what an upload before set
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
        await this.send(`${address}/files`, form, batch.map(([, file]) => file));
        this.show(this.done + batch.reduce((sum, [, file]) => sum + file.size, 0));
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, next));
    } finally {
      batches.length = 0; // where one lane failed, the other ends
    }
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
      received = promised((await this.send(`${address}/slices`, form, [file])).received, "number");
      this.show(received);
    }
  }

  /** Hand the import over, and go to its page. */
  async complete(address) {
    await this.send(`${address}/complete`, new FormData(), []);
    this.end();
    location.assign(address);
  }

  /** Send one part, again where the line broke or the service was busy; `files` are read for it. */
  async send(address, form, files) {
    for (let tried = 1; ; tried++) {
      try {
        return await ask(address, { form, signal: this.control.signal });
      } catch (problem) {
        // A browser tells a file that is gone or was changed from a line that broke by reading it.
        if (problem.status === 0) await Promise.all(files.map(readable));
        if (problem.status === 413 && !problem.code) throw tooLarge();
        const passes = problem.status === 0 || problem.status === 429 || problem.status >= 502;
        if (problem.name === "AbortError" || !passes || this.over || tried === TRIES) throw problem;
        const text = say(gettext("%(problem)s It is tried again."), { problem: problem.message });
        this.state(text);
        hear(text);
        await this.rest(Math.min(30, Math.max(problem.wait, 2 ** tried / 2)));
      }
    }
  }

  rest(seconds) {
    const { signal } = this.control;
    return new Promise((resolve, reject) => {
      setTimeout(resolve, seconds * 1000);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  begin(total) {
    this.total = total;
    this.show(0);
    hear(say(gettext("%(total)s MB are being sent."), { total: megabytes(total) }));
  }

  show(done) {
    this.done = done;
    this.panel.querySelector("progress").value = this.total ? done / this.total : 1;
    const share = { done: megabytes(done), total: megabytes(this.total) };
    this.state(say(gettext("%(done)s of %(total)s MB are sent."), share));
  }

  state(text) {
    this.panel.querySelector("[data-state]").textContent = text;
  }

  start() {
    clearErrors(this.form);
    this.said.replaceChildren();
    addEventListener("beforeunload", this.leaving);
    this.panel.querySelector("progress").removeAttribute("value");
    this.panel.hidden = false;
    this.state(gettext("The upload is being prepared."));
    this.stopper.focus(); // where it began is hidden meanwhile
  }

  end() {
    this.over = true;
    removeEventListener("beforeunload", this.leaving);
    this.panel.hidden = true;
  }

  /**
   * Run `act`; what goes wrong is said, at the fields it is about. A button leads on to where
   * `address()` says, or does all `again` where nothing was begun and that may help.
   */
  async attempt(act, { address, again }) {
    this.start();
    try {
      await act();
    } catch (error) {
      this.end();
      if (error.name === "AbortError") location.assign(address() || location.pathname + location.search);
      else this.refuse(error, address(), again);
    }
  }

  refuse(error, address, again) {
    const focused = document.activeElement;
    showProblem(this.form, this.said, error);
    const shown = this.said.firstElementChild;
    if (address) shown.append(button(gettext("Go on or discard it"), () => location.assign(address)));
    else if (error.code !== "unfit") shown.append(button(gettext("Try again"), again));
    if (document.activeElement !== focused) return; // it is at a field now
    const next = shown.querySelector("button") ?? this.said; // what had it is hidden now
    next.focus();
  }
}

/** Let what matters be heard, once. */
export function hear(text) {
  const heard = document.getElementById("heard");
  if (heard.textContent !== text) heard.textContent = text;
}

function tooLarge() {
  return new Problem(gettext("A proxy before the service lets no parts of this size through."), {
    hint: gettext("Whoever runs it can allow larger requests, as with client_max_body_size in nginx."),
    status: 413,
  });
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
