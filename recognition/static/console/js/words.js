// Text for people: the page's language comes from Django's catalogue (/console/texts).

const { gettext: translate = (text) => text } = globalThis;

/** Return `text` in the language of the page, with %(name)s replaced by `values.name`. */
export function say(text, values = {}) {
  return text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name] ?? ""));
}

export const gettext = translate;

/** Return what a person is told where a program is told `hint` (/console/texts). */
export const advised = (hint) => globalThis.advice?.[hint] ?? hint;

/** Return the text for `count`: that for one, or that for all other numbers. */
export const ngettext = globalThis.ngettext ?? ((one, other, count) => (count === 1 ? one : other));

/** Return a similarity as people read it. */
export function similarity(value) {
  return Number(value).toFixed(3);
}

/** Return the time of day in the zone that all pages show times in, the server's. */
export function timeOfDay(date) {
  const { lang, dataset } = document.documentElement;
  return date.toLocaleTimeString(lang, { timeZone: dataset.zone, hourCycle: "h23" });
}

/** Make an element: tag, attributes (null leaves one out), children (texts or elements). */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make an SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Return whatever a server sent as a sentence, never as "[object Object]". */
export function sentence(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(sentence).filter(Boolean).join(" ");
  if (typeof value === "object") return sentence(Object.values(value));
  return String(value);
}
