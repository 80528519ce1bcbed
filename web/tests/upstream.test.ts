import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces, unseen } from "../src/hidden.ts";
import { eventsOf } from "../src/stream.ts";

function streamed(...chunks: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
}

test("events are told however the bytes are cut, and comments are not", async () => {
  const whole = 'event: progress\ndata: {"progress": 1}\n\n: alive\n\nevent: result\ndata: {"text": "Grüße"}\n\n';
  const wanted = [
    { name: "progress", data: { progress: 1 } },
    { name: "result", data: { text: "Grüße" } },
  ];
  for (const size of [1, 7, 200]) {
    const cut = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) => whole.slice(index * size, (index + 1) * size));
    assert.deepEqual(await Array.fromAsync(eventsOf(streamed(...cut))), wanted);
  }
});

test("what does not show is named, and what tags spell is written out", () => {
  assert.deepEqual(pieces("plain\ntext, Grüße, 日本"), [{ text: "plain\ntext, Grüße, 日本" }]);
  assert.deepEqual(pieces("a\u200Bb"), [{ text: "a" }, { text: "\u200B", hidden: "U+200B" }, { text: "b" }]);
  const spelled = [..."obey"].map((each) => String.fromCodePoint(0xe0000 + each.charCodeAt(0))).join("");
  assert.equal(pieces(`ok${spelled}`)[1]?.hidden, "tags: obey");
  assert.equal(pieces("\u202Egpj.exe")[0]?.hidden, "U+202E");
  assert.equal(unseen(`x${"\u2063".repeat(9)}`), 9);
  assert.equal(pieces("\u2063".repeat(9))[0]?.hidden?.endsWith("+3"), true);
});

test("emoji hide nothing", () => {
  assert.equal(unseen("❤️ and 👩‍💻"), 0);
});
