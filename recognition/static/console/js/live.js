// The webcam, identified continuously: at most one request is under way, names follow the faces.

import { asProblem, call } from "./api.js";
import { camera, CameraError, frame, play, release } from "./camera.js";
import { note, noteOf, once } from "./notes.js";
import { personAddress } from "./results.js";
import { Stage } from "./stage.js";
import { gettext, make, say, similarity, timeOfDay } from "./words.js";

const WIDTHS = [640, 480, 320]; // pixels a frame is sent with; fewer where answers take long
const SLOW = 700; // ms of an answer, from which smaller frames are sent
const QUICK = 250; // ms, under which larger ones are sent again
const LEAST_PAUSE = 200; // ms between two requests: half of what a session may ask in a minute
const AGAIN = 30_000; // ms after which a person is logged again
const LOST = 900; // ms after which a face that was not seen again is no longer shown, at least
const ROUNDS = 3; // round trips it is shown for: one answer may miss it
const EASE = 0.25; // how far a box moves towards its face in each drawn frame

const video = document.querySelector("video");
const start = document.querySelector("#start");
const gallery = document.querySelector("#gallery");
const said = document.querySelector("#said");
const log = document.querySelector("#seen tbody");
const rate = document.querySelector("#rate");
const stage = new Stage(video.closest("figure"), { numbered: false });
const canvas = document.createElement("canvas");

let stream = null;
let asking = null; // ends the request under way
let tracks = [];
let width = 0; // which of WIDTHS
let latency = 0;
let lost = LOST;
let answered = []; // when the last answers came
const logged = new Map();

start.addEventListener("click", () => once(start, async () => (stream ? stop() : begin())));
document.addEventListener("visibilitychange", () => {
  if (stream && document.hidden) said.replaceChildren(note("warning", gettext("Paused while this tab is hidden.")));
  else if (stream) said.replaceChildren();
});

async function begin() {
  said.replaceChildren();
  try {
    stream = await camera();
    await play(video, stream);
  } catch (error) {
    stop(error);
    return;
  }
  const gone = new CameraError(gettext("The camera was taken away. Connect it, then start again."));
  for (const track of stream.getTracks()) track.addEventListener("ended", () => stop(gone));
  start.textContent = gettext("Stop");
  asking = new AbortController();
  requestAnimationFrame(draw);
  watch(stream, asking.signal);
}

/** Let go of the camera, and say why where an `error` ends it. */
function stop(error = null) {
  asking?.abort();
  release(stream);
  stream = video.srcObject = null;
  tracks = [];
  stage.draw([]);
  start.textContent = gettext("Start the camera");
  rate.textContent = "";
  said.replaceChildren(...(error ? [noteOf(asProblem(error))] : []));
}

/** Ask who is seen, again and again, each time after the last answer. */
async function watch(own, signal) {
  while (stream === own) {
    if (document.hidden || !video.videoWidth) {
      await pause(200);
      continue;
    }
    const begun = performance.now();
    const wait = await look(own, signal);
    const took = performance.now() - begun;
    await pause(Math.max(wait, LEAST_PAUSE - took, took / 4));
  }
}

/** Ask once; returns how long to wait before the next time, in ms. */
async function look(own, signal) {
  try {
    const sent = await frame(video, { width: WIDTHS[width], canvas });
    const scale = video.videoWidth / canvas.width;
    const begun = performance.now();
    const where = gallery.value; // another may be chosen before the answer comes
    const answer = await call("/identify", { form: { file: sent, gallery: where, limit: 2, live: "true" }, signal });
    if (stream !== own) return 0;
    adapt(performance.now() - begun);
    follow(answer.faces, scale, where);
    if (said.querySelector("[data-trouble]")) said.replaceChildren();
    return 0;
  } catch (error) {
    if (stream === own) return trouble(error);
    return 0;
  }
}

/** Say what is wrong; what will not mend itself ends it. */
function trouble(error) {
  const problem = asProblem(error);
  if (problem instanceof CameraError || [400, 401, 403, 404, 413, 415].includes(problem.status)) {
    stop(problem);
    return 0;
  }
  if (said.querySelector("[data-trouble]")?.dataset.trouble !== problem.message) {
    const shown = noteOf(problem);
    shown.dataset.trouble = problem.message;
    said.replaceChildren(shown);
  }
  return Math.max(1, problem.wait || 2) * 1000;
}

function adapt(took) {
  latency = latency ? latency * 0.8 + took * 0.2 : took;
  lost = Math.max(LOST, latency * ROUNDS, took * ROUNDS);
  if (latency > SLOW && width < WIDTHS.length - 1) [width, latency] = [width + 1, 0];
  else if (latency && latency < QUICK && width > 0) [width, latency] = [width - 1, 0];
  const now = performance.now();
  answered = [...answered, now].filter((one) => now - one < 3000);
  const perSecond = answered.length > 1 ? ((answered.length - 1) * 1000) / (now - answered[0]) : 0;
  rate.textContent = say(gettext("%(frames)s frames a second, answered in %(ms)s ms"), { frames: perSecond.toFixed(1), ms: Math.round(took) });
}

/** Give each face of an answer, found in the gallery `where`, to the track that is nearest to it. */
function follow(faces, scale, where) {
  const now = performance.now();
  stage.size(video.videoWidth, video.videoHeight);
  const free = new Set(tracks);
  for (const { face, status, matches } of faces) {
    const box = Object.fromEntries(Object.entries(face.box).map(([name, value]) => [name, value * scale]));
    let track = null;
    for (const one of free) if (overlap(one.goal, box) > overlap(track?.goal, box)) track = one;
    if (!track) tracks.push((track = { box }));
    free.delete(track);
    Object.assign(track, { goal: box, seen: now, kind: status, name: nameOf(status, matches) });
    if (status === "match") remember(personAddress(where, matches[0].user_id), matches[0], now);
    else if (status === "unknown") remember("", null, now);
  }
}

function nameOf(status, matches) {
  const [first, second] = matches.map((person) => person.display_name || person.user_id);
  return { match: first, ambiguous: `${first} / ${second}`, unknown: gettext("unknown") }[status] ?? "";
}

/** Return the share of two boxes that is common to both, 0 to 1. */
function overlap(a, b) {
  if (!a) return 0;
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  const common = Math.max(0, across) * Math.max(0, down);
  return common / (a.width * a.height + b.width * b.height - common);
}

function draw() {
  if (!stream) return;
  const now = performance.now();
  tracks = tracks.filter((track) => now - track.seen < lost);
  for (const { box, goal } of tracks) for (const name in goal) box[name] += (goal[name] - box[name]) * EASE;
  stage.draw(tracks);
  requestAnimationFrame(draw);
}

/** Write down who was seen, `address` being their page: one line per person and half a minute. */
function remember(address, person, now) {
  if (now - (logged.get(address) ?? -Infinity) < AGAIN) return;
  logged.set(address, now);
  const who = person ? make("a", { href: address }, person.display_name || person.user_id) : gettext("unknown");
  log.prepend(make("tr", {}, make("td", {}, timeOfDay(new Date())), make("td", { class: "name" }, who), make("td", { class: "num" }, person ? similarity(person.similarity) : "")));
  document.querySelector("#nobody").hidden = true;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
