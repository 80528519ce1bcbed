"use strict";
// Renders openapi.json and tries its operations. Every text is set as text: nothing of it is ever markup.

const METHODS = ["get", "post", "put", "patch", "delete"];
const token = document.getElementById("token");
const filter = document.getElementById("filter");
const place = document.getElementById("operations");
let known = {};
let base = "";

function made(name, text, attributes = {}) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function resolved(value) {
  return value && value.$ref ? value.$ref.slice(2).split("/").reduce((at, step) => at[step], known) : value;
}

function example(schema, depth = 0) {
  const found = resolved(schema) || {};
  if (found.default !== undefined && found.default !== null) return found.default;
  if (found.enum) return found.enum[0];
  if (found.anyOf) return example(found.anyOf[0], depth);
  if (found.type === "object") {
    const body = {};
    if (depth < 3) for (const name of found.required || []) body[name] = example((found.properties || {})[name], depth + 1);
    return body;
  }
  return { array: [], integer: 0, number: 0, boolean: false }[found.type] ?? "";
}

function field(parameter, inputs) {
  const row = made("label", undefined, { class: "field" });
  row.append(made("code", parameter.name + (parameter.required ? " *" : "")));
  const input = made("input", undefined, { type: "text", spellcheck: "false" });
  if (parameter.schema && parameter.schema.enum) input.placeholder = parameter.schema.enum.join(" | ");
  row.append(input);
  if (parameter.description) row.append(made("small", `${parameter.in}: ${parameter.description}`));
  inputs.push([parameter, input]);
  return row;
}

function request(path, method, inputs, body) {
  let target = base + path;
  const query = new URLSearchParams();
  const headers = { authorization: `Bearer ${token.value.trim()}` };
  for (const [parameter, input] of inputs) {
    const value = input.value;
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "header") headers[parameter.name] = value;
    else if (value && parameter.schema.type === "array") for (const each of value.split(",")) query.append(parameter.name, each.trim());
    else if (value) query.append(parameter.name, value);
  }
  const options = { method: method.toUpperCase(), headers, credentials: "omit", cache: "no-store" };
  if (body && body.value.trim()) {
    headers["content-type"] = "application/json";
    options.body = body.value;
  }
  return [target + (query.size ? `?${query}` : ""), options];
}

async function tried(target, options, output) {
  output.hidden = false;
  output.textContent = `${options.method} ${target} …`;
  try {
    const answer = await fetch(target, options);
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is no JSON: shown as it is */ }
    const heads = ["etag", "link", "location", "retry-after"].filter((name) => answer.headers.has(name));
    const lines = heads.map((name) => `${name}: ${answer.headers.get(name)}`);
    output.textContent = [`${options.method} ${target}`, `${answer.status} ${answer.statusText}`, ...lines, "", shown].join("\n");
  } catch (error) {
    output.textContent = `${options.method} ${target}\n${error}`;
  }
}

function filled(details, path, method, operation) {
  const inputs = [];
  details.append(made("p", operation.description || "", { class: "about" }));
  for (const parameter of operation.parameters || []) details.append(field(parameter, inputs));
  let body = null;
  if (operation.requestBody) {
    const schema = operation.requestBody.content["application/json"].schema;
    body = made("textarea", JSON.stringify(example(schema), null, 2), { "aria-label": "Body", spellcheck: "false" });
    details.append(made("p", "Body"), body);
    const shape = made("details");
    shape.append(made("summary", "Schema of the body"), made("pre", JSON.stringify(resolved(schema), null, 2)));
    details.append(shape);
  }
  const button = made("button", "Try it", { type: "button" });
  const output = made("pre", "", { hidden: "" });
  button.addEventListener("click", () => tried(...request(path, method, inputs, body), output));
  if (path.endsWith("/events")) button.hidden = true;
  details.append(button, output);
}

function shown(path, method, operation) {
  const details = made("details", undefined, { "data-words": `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase() });
  const summary = made("summary");
  summary.append(made("span", method.toUpperCase(), { class: "method" }), made("code", path), ` ${operation.summary || ""}`);
  details.append(summary);
  details.addEventListener("toggle", () => { if (details.childElementCount === 1) filled(details, path, method, operation); });
  return details;
}

function render() {
  const groups = new Map();
  for (const [path, item] of Object.entries(known.paths)) {
    for (const method of METHODS.filter((each) => item[each])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(shown(path, method, item[method]));
    }
  }
  place.replaceChildren();
  for (const [tag, items] of [...groups].sort(([a], [b]) => a.localeCompare(b))) {
    const section = made("section");
    section.append(made("h2", tag), ...items);
    place.append(section);
  }
}

filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/);
  for (const section of place.children) {
    for (const item of section.querySelectorAll(":scope > details")) item.hidden = !words.every((word) => item.dataset.words.includes(word));
    section.hidden = !section.querySelector(":scope > details:not([hidden])");
  }
});

fetch("docs/openapi.json").then((answer) => answer.json()).then((found) => { known = found; base = new URL(found.servers[0].url).pathname.replace(/\/$/, ""); render(); })
  .catch((error) => place.replaceChildren(made("p", `The description cannot be read: ${error}`)));
