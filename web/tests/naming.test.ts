import assert from "node:assert/strict";
import { test } from "node:test";
import { named, wish, type Member } from "../src/views/compose/naming.ts";

function member(server: string, tool: string, more: Partial<Member> = {}): Member {
  return { server, tool, alias: "", description: "", version: "", ...more };
}

test("a tool keeps its name where it is free, else its server stands in front", () => {
  const names = named([member("mail", "search"), member("maps", "search")]);
  assert.deepEqual(names, [{ name: "search" }, { name: "maps_search" }]);
});

test("names that were chosen come first, and clash whatever their case", () => {
  const names = named([member("mail", "search"), member("maps", "find", { alias: "search" }), member("web", "get", { alias: "SEARCH" })]);
  assert.deepEqual(names, [{ name: "mail_search" }, { name: "search" }, { name: "SEARCH", problem: "clash" }]);
});

test("what stood there keeps its name", () => {
  const names = named([member("mail", "search"), member("maps", "search", { kept: "search" })]);
  assert.deepEqual(names, [{ name: "mail_search" }, { name: "search" }]);
});

test("a name that clients would refuse is said, and so is the same tool twice", () => {
  assert.equal(named([member("mail", "search", { alias: "two words" })])[0]?.problem, "form");
  assert.equal(named([member("mail", "search"), member("mail", "search")])[1]?.problem, "twice");
});

test("what is left to itself is not sent", () => {
  assert.deepEqual(wish(member("mail", "search", { description: "Own.", own: "Own." })), { server: "mail", tool: "search" });
  const said = { alias: "find", description: "Mine.", version: "1.0.0", scopes: ["x"] };
  assert.deepEqual(wish(member("mail", "search", { ...said, own: "Own." })), { server: "mail", tool: "search", ...said });
});
