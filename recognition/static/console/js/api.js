// How pages call the API: fetch and FormData under the session and its CSRF token, never a key.

import { advised, gettext, say, sentence } from "./words.js";

const root = document.documentElement.dataset.api;

/** A call that did not succeed, in words: `message` and `hint`; `code`, `status`, `body` for programs. */
export class Problem extends Error {
  constructor(message, { hint = "", code = "", status = 0, wait = 0, body = {} } = {}) {
    super(message);
    Object.assign(this, { hint, code, status, wait, body });
  }

  /** Sentences by field. */
  get errors() {
    const errors = this.body.errors ?? {};
    return typeof errors === "object" ? errors : {};
  }
}

/** Return `error` as a Problem: what is none means that the answer was not what it should be. */
export function asProblem(error) {
  if (error instanceof Problem) return error;
  console.warn(error);
  return new Problem(gettext("The answer of the service cannot be read."), {
    hint: gettext("Reload the page and try again; the service may have been updated."),
  });
}

/** Return `value`, which an answer must hold as one of `type`; throw what is no Problem if it does not. */
export function promised(value, type) {
  if (typeof value !== type) throw new TypeError(`A ${type} was promised, not ${value}`);
  return value;
}

/** Throw a Problem where a file that was given cannot be read: it is gone, or it is a folder. */
export async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw unreadable(file.name);
  }
}

/** Return what is said of a file that cannot be read. */
export function unreadable(name) {
  return unfit(
    say(gettext("%(name)s cannot be read."), { name }),
    gettext("It may have been moved or changed since, or it is a folder. Choose it again."),
  );
}

/** Return what is said of a choice that is of no use: to try the same again does not help. */
export function unfit(message, hint) {
  return new Problem(message, { hint, code: "unfit" });
}

/** What is said of a status whose answer is no problem document: a proxy's page, nothing at all. */
function words(status) {
  const said = {
    400: [gettext("The request was not understood."), gettext("Reload the page and try again.")],
    401: [gettext("You are not signed in any more."), gettext("Sign in again in another tab, then try once more.")],
    403: [gettext("Your account may not do this."), gettext("Ask an administrator for the permission, or reload the page.")],
    404: [gettext("This does not exist any more."), gettext("Reload the page to see what there is.")],
    405: [gettext("This cannot be done here."), gettext("Reload the page and try again.")],
    409: [gettext("This contradicts what is stored."), gettext("Reload the page to see what there is.")],
    413: [gettext("The picture is too large."), gettext("Send a smaller picture, or fewer at once.")],
    415: [gettext("This kind of file is not supported."), gettext("Send JPEG, PNG, WebP, BMP, GIF or HEIC.")],
    422: [gettext("The picture cannot be used."), gettext("Take a sharper, better lit picture of the whole face.")],
    429: [gettext("That was too often."), gettext("Wait a moment, then try again.")],
    500: [gettext("Something went wrong in the service."), gettext("Try again; the server's log holds the details.")],
    502: [gettext("The service cannot be reached behind its proxy."), gettext("Try again in a moment.")],
    503: [gettext("The service is busy or just starting."), gettext("Try again in a moment.")],
    504: [gettext("The service took too long to answer."), gettext("Try again in a moment.")],
  };
  const other = [say(gettext("The service answered with the status %(status)s."), { status }), gettext("Try again in a moment.")];
  return said[status] ?? said[status >= 500 ? 500 : 0] ?? other;
}

/** Return the token of the session that holds now: signing in again, in any tab, gives another. */
function token() {
  const found = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return found ? decodeURIComponent(found.slice("csrftoken=".length)) : "";
}

/**
 * Call the API and return the JSON that it answers with. Throws a Problem.
 * `form`: a FormData or an object of its fields; `json`: an object. The body is read once.
 */
export async function call(path, { method = "POST", form = null, json = null, signal = null } = {}) {
  return ask(new URL(path.replace(/^\//, ""), new URL(root, location.href)), { method, form, json, signal });
}

/** As `call`, for an address of the console itself. */
export async function ask(address, { method = "POST", form = null, json = null, signal = null } = {}) {
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  if (json) headers["Content-Type"] = "application/json";
  const body = json ? JSON.stringify(json) : form && formData(form);
  let response, text;
  try {
    response = await fetch(address, { method, headers, body, signal, credentials: "same-origin", redirect: "follow" });
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(gettext("The service cannot be reached."), {
      hint: gettext("Check the network and whether the service runs, then try again."),
    });
  }
  const data = parsed(text);
  if (response.ok && !response.redirected && data !== undefined) return data;
  throw problem(response, data);
}

function formData(fields) {
  if (fields instanceof FormData) return fields;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null && value !== undefined && value !== "") form.append(name, value);
  }
  return form;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy's HTML, an empty body, half an answer
  }
}

function problem(response, data) {
  const status = response.redirected ? 401 : response.status;
  if (response.ok && !response.redirected) {
    return new Problem(gettext("The answer of the service cannot be read."), {
      hint: gettext("A proxy may have cut it; try again."), status,
    });
  }
  const [said, remedy] = words(status);
  const body = data && typeof data === "object" ? data : {};
  const wait = Number(body.retry_after ?? response.headers.get("Retry-After")) || 0;
  const isOurs = typeof body.detail === "string" && typeof body.code === "string";
  if (!isOurs || status === 401 || status === 500) {
    const id = body.request_id ? say(gettext("Request %(id)s."), { id: body.request_id }) : "";
    return new Problem(said, { hint: `${remedy} ${id}`.trim(), code: body.code, status, wait, body });
  }
  if (body.code === "csrf_failed") {
    const hint = gettext("Reload the page, sign in if you are asked to, and try again.");
    return new Problem(gettext("This page is too old."), { hint, code: body.code, status, body });
  }
  const detail = { 403: `${said} ${body.detail}`, 429: said }[status] ?? body.detail;
  return new Problem(detail, { hint: advised(sentence(body.hint)), code: body.code, status, wait, body });
}
