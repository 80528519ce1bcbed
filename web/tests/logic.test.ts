import assert from "node:assert/strict";
import { test } from "node:test";
import { quoted, waysTo } from "../src/clients.ts";
import { diff } from "../src/diff.ts";
import { ago, safeUrl, words } from "../src/format.ts";
import { initial, lacking, limitsOf, parse, typeOf } from "../src/schema.ts";
import type { Schema } from "../src/types.ts";

const root: Schema = {
  type: "object",
  properties: {
    size: { $ref: "#/$defs/Size" },
    names: { type: "array", items: { type: "string" } },
    maybe: { anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }], default: 3 },
    itself: { $ref: "#" },
  },
  required: ["size", "maybe"],
  $defs: { Size: { enum: ["small", "large"] } },
};

test("types are told in words, references and nullable ones followed", () => {
  assert.equal(typeOf(root.properties!["size"]!, root), "one of");
  assert.equal(typeOf(root.properties!["names"]!, root), "list of string");
  assert.equal(typeOf(root.properties!["maybe"]!, root), "integer");
  assert.equal(typeOf(root.properties!["itself"]!, root), "any");
  assert.deepEqual(limitsOf({ minimum: 1, default: 3 }), ["at least 1", "default 3"]);
});

test("what is typed becomes what the schema wants, or says why not", () => {
  const maybe = root.properties!["maybe"]!;
  assert.deepEqual(parse("7", maybe, root), { value: 7 });
  assert.deepEqual(parse("", maybe, root), { value: undefined });
  assert.ok("error" in parse("0", maybe, root));
  assert.ok("error" in parse("1.5", maybe, root));
  assert.ok("error" in parse("seven", maybe, root));
  assert.deepEqual(parse('{"a":1}', { type: "object" }, root), { value: { a: 1 } });
  assert.deepEqual(parse("07", { type: "string" }, root), { value: "07" });
});

test("a form begins with defaults and knows what it lacks", () => {
  assert.deepEqual(initial(root), { maybe: 3 });
  assert.deepEqual(lacking(initial(root), root), ["size"]);
});

test("an address that is not http is no link, whatever it is dressed as", () => {
  for (const bad of ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "vbscript:x", "//x", "", null]) {
    assert.equal(safeUrl(bad), undefined);
  }
  assert.equal(safeUrl("https://example.test/a b"), "https://example.test/a%20b");
});

test("a command survives its shell", () => {
  assert.equal(quoted("http://127.0.0.1:8080/a/mcp"), "http://127.0.0.1:8080/a/mcp");
  assert.equal(quoted("it's $(x)"), `'it'"'"'s $(x)'`);
});

test("every assistant is told of the endpoint and signs its person in; the Inspector reads a token from its environment", () => {
  const ways = waysTo("weather", "https://registry.test/weather/mcp");
  assert.deepEqual(
    ways.map((each) => each.id),
    ["claude-code", "codex", "cursor", "vscode", "gemini", "kiro", "claude-ai", "inspector"],
  );
  for (const way of ways) {
    const said = [way.command, way.text].filter(Boolean);
    assert.ok(said.length);
    for (const each of said) assert.match(each!, /https:\/\/registry\.test\/weather\/mcp/);
    if (way.id !== "inspector") assert.doesNotMatch(said.join(), /token|Bearer/i);
  }
  assert.match(ways.at(-1)!.command!, /--header "Authorization: Bearer \$AIREGISTRY_TOKEN"$/);
});

test("a difference names the lines that came and went", () => {
  const lines = diff("a\nb\nc", "a\nx\nc").map((line) => line.sign + line.text);
  assert.deepEqual(lines, [" a", "-b", "+x", " c"]);
});

test("times and names read as people say them", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  assert.equal(ago("2026-11-21T11:59:40Z", now), "just now");
  assert.equal(ago("2026-11-21T10:00:00Z", now), "2 hours ago");
  assert.equal(words("approved_dev"), "Approved dev");
});
