// A picture with what was found in it: boxes, landmarks, names; one box can be drawn and adjusted.

import { gettext, say, svg } from "./words.js";

const STEP = 0.01; // of the picture's width, by which an arrow key moves or resizes a box
const LEAST = 16; // pixels, the smallest box

/** Shows one picture in `figure`; every measure is in pixels of the upright picture. */
export class Stage {
  constructor(figure, { onBox = () => {}, numbered = true } = {}) {
    Object.assign(this, { figure, onBox, numbered });
    this.image = figure.querySelector("img");
    this.layer = svg("svg", { role: "group", "aria-label": gettext("Faces in the picture") });
    figure.append(this.layer);
  }

  /** Show a file; resolves to false where the browser cannot show its format. */
  async show(file) {
    URL.revokeObjectURL(this.image.src);
    const address = (this.image.src = URL.createObjectURL(file));
    this.image.alt = file.name;
    try {
      await this.image.decode();
    } catch {
      // Else another picture was chosen meanwhile.
      if (this.image.src === address) this.image.alt = gettext("This browser cannot show this kind of picture.");
      return false;
    }
    this.size(this.image.naturalWidth, this.image.naturalHeight);
    return true;
  }

  /** Forget the picture, and let go of its memory. */
  clear() {
    this.edit(null);
    this.layer.replaceChildren();
    URL.revokeObjectURL(this.image.src);
    this.image.removeAttribute("src");
  }

  /** Say how large the picture is that boxes are measured in. */
  size(width, height) {
    this.width = width;
    this.height = height;
    this.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  /**
   * Draw faces: `{box, landmarks, name, kind, chosen}`; `onChoose(index)` makes them buttons.
   * Where there are several, each has the number that lists call it by.
   * `kind`: match, ambiguous, unknown, not_searched, or none.
   */
  draw(faces, onChoose = null) {
    const number = (index) => (this.numbered && faces.length > 1 ? String(index + 1) : "");
    this.layer.replaceChildren(...faces.map((face, index) => this.face({ ...face, number: number(index) }, index, onChoose)));
    if (this.drawn) this.layer.append(this.drawn);
  }

  face({ box, landmarks = {}, number = "", name = "", kind = "", chosen = false }, index, onChoose) {
    const around = { x: box.x, y: box.y, width: box.width, height: box.height, rx: box.width / 20 };
    const classes = `face ${kind && `face-${kind}`} ${chosen ? "face-chosen" : ""}`;
    const group = svg("g", { class: classes }, svg("rect", { ...around, class: "face-edge" }));
    const rect = svg("rect", { ...around, class: "face-box" });
    group.append(rect, ...Object.values(landmarks).map(([x, y]) => svg("circle", { cx: x, cy: y, r: Math.max(1.5, box.width / 60), class: "landmark" })));
    group.append(...this.words(number, name, box));
    if (onChoose) {
      const label = say(gettext("Face %(number)s"), { number: index + 1 });
      for (const [key, value] of Object.entries({ role: "button", tabindex: 0, "aria-pressed": chosen, "aria-label": name ? `${label}: ${name}` : label })) rect.setAttribute(key, value);
      rect.addEventListener("click", () => onChoose(index));
      rect.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onChoose(index);
        this.layer.querySelectorAll(".face-box")[index]?.focus();
      });
    }
    return group;
  }

  /** Return the number and the name of a face, side by side above its box or below it. */
  words(number, name, box) {
    const size = this.letters();
    const above = box.y > size * 1.3;
    const y = above ? box.y - size * 0.35 : box.y + box.height + size * 1.1;
    const most = this.width - 0.6 * size * (number.length + name.length); // else it is cut off
    const start = Math.max(2, Math.min(box.x, most));
    const after = number ? start + size * (0.4 + 0.6 * number.length) : start;
    const text = (kind, x, said) => svg("text", { class: kind, x, y, "font-size": size }, said);
    return [number && text("face-number", start, number), name && text("face-name", after, name)].filter(Boolean);
  }

  /** Return how large letters of 15 CSS pixels are in the picture. */
  letters() {
    const shown = this.figure.getBoundingClientRect().width || 400;
    return (15 * this.width) / shown;
  }

  /** Show `box` as one that can be moved and resized, by pointer and by keys. */
  edit(box) {
    clearTimeout(this.settled);
    this.drawn?.remove();
    if (!box) {
      this.drawn = null;
      return;
    }
    this.box = { ...box };
    const help = gettext("Box around the face. Arrow keys move it, with Shift they resize it.");
    this.area = svg("rect", { class: "drawn", tabindex: 0, role: "application", "aria-label": help });
    this.corner = svg("circle", { class: "handle" });
    this.drawn = svg("g", {}, this.area, this.corner);
    this.drag(this.area, (start, x, y) => ({ ...start, x: start.x + x, y: start.y + y }));
    this.drag(this.corner, (start, x, y) => ({ ...start, width: start.width + x, height: start.height + y }));
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.layer.append(this.drawn);
    this.place();
  }

  place() {
    const { box } = this;
    box.width = Math.min(Math.max(box.width, LEAST), this.width);
    box.height = Math.min(Math.max(box.height, LEAST), this.height);
    box.x = Math.min(Math.max(box.x, 0), this.width - box.width);
    box.y = Math.min(Math.max(box.y, 0), this.height - box.height);
    for (const name of ["x", "y", "width", "height"]) this.area.setAttribute(name, box[name]);
    this.corner.setAttribute("cx", box.x + box.width);
    this.corner.setAttribute("cy", box.y + box.height);
    this.corner.setAttribute("r", this.letters() * 0.7);
  }

  drag(element, moved) {
    element.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      const start = { ...this.box };
      const scale = this.width / this.figure.getBoundingClientRect().width;
      const move = (now) => {
        this.box = moved(start, (now.clientX - event.clientX) * scale, (now.clientY - event.clientY) * scale);
        this.place();
      };
      const ended = new AbortController();
      const end = () => {
        ended.abort();
        this.onBox(this.box);
      };
      element.addEventListener("pointermove", move, { signal: ended.signal });
      element.addEventListener("pointerup", end, { signal: ended.signal });
      element.addEventListener("pointercancel", end, { signal: ended.signal });
    });
  }

  key(event) {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (x === undefined) return;
    event.preventDefault();
    const step = this.width * STEP;
    const [across, down] = event.shiftKey ? ["width", "height"] : ["x", "y"];
    this.box[across] += x * step;
    this.box[down] += y * step;
    this.place();
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.onBox(this.box), 400);
  }
}

/** Return the part of the shown picture around `box` as an address of an image, with some margin. */
export function cut(image, box, size = 160) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const side = Math.max(box.width, box.height) * 1.4;
  const x = box.x + box.width / 2 - side / 2;
  const y = box.y + box.height / 2 - side / 2;
  canvas.getContext("2d").drawImage(image, x, y, side, side, 0, 0, size, size);
  return canvas.toDataURL("image/jpeg", 0.85);
}
