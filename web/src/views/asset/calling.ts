/** One call of a tool as a stream: what it tells, what it asks, and how it ends. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, at, send, streamed } from "../../api";
import { eventsOf } from "../../stream";
import { tryTexts } from "../../strings/asset";
import type { JsonObject, Schema, ToolResult } from "../../types";

export interface Progress {
  progress: number;
  total?: number;
  message?: string;
}

export interface Question {
  call: string;
  question: number;
  message?: string;
  mode?: string;
  requestedSchema?: Schema;
  url?: string;
}

export type Verdict = "accept" | "decline" | "cancel";

export interface Calling {
  running: boolean;
  progress?: Progress;
  question?: Question;
  result?: ToolResult;
  error?: unknown;
  /** Milliseconds, once it has ended. */
  took?: number;
}

/** A call at a time: `begin` makes one, `stop` hangs up, `answer` tells the backend what it asked. */
export function useCall(server: string, tool: string) {
  const [calling, setCalling] = useState<Calling>({ running: false });
  const under = useRef<AbortController | null>(null);
  useEffect(() => () => under.current?.abort(), []);
  const begin = async (given: JsonObject) => {
    const mine = (under.current = new AbortController());
    const began = performance.now();
    const show = (more: Partial<Calling>) => under.current === mine && setCalling((before) => ({ ...before, ...more }));
    const end = (how: Partial<Calling>) => under.current === mine && setCalling({ running: false, took: performance.now() - began, ...how });
    setCalling({ running: true });
    try {
      end(await followed(await streamed(at("tools", server, tool, "calls"), { arguments: given }, mine.signal), show));
    } catch (error) {
      end({ error: mine.signal.aborted ? new ApiError(0, "stopped", tryTexts.stopped) : error });
    }
  };
  const answer = async (question: Question, action: Verdict, content?: JsonObject) => {
    const body = { question: question.question, action, ...(content && { content }) };
    await send("POST", at("calls", question.call, "answers"), body);
    setCalling(({ question: _, ...before }) => before);
  };
  return { calling, begin, answer, stop: () => under.current?.abort() };
}

async function followed(response: Response, show: (more: Partial<Calling>) => void): Promise<Partial<Calling>> {
  if (response.body) {
    for await (const { name, data } of eventsOf(response.body)) {
      if (name === "progress") show({ progress: data as Progress });
      else if (name === "elicitation") show({ question: data as Question });
      else if (name === "result") return { result: data as ToolResult };
      else if (name === "error") return { error: refusal(data as Record<string, unknown>) };
    }
  }
  throw new ApiError(0, "broken_off", tryTexts.brokenOff);
}

function refusal({ status, code, detail, ...more }: Record<string, unknown>): ApiError {
  return new ApiError(Number(status), String(code), String(detail), more);
}
