/** Webhooks and what was sent to them, as the API answers. */
import type { JsonObject } from "../../types";

export interface Webhook {
  name: string;
  url: string;
  description: string;
  events: string[];
  kinds: string[];
  paths: string[];
  active: boolean;
  paused: string;
  failing_since: string | null;
  waiting: number;
  created_by: string;
  created_at: string;
}

export interface Attempt {
  ok: boolean;
  status?: number | null;
  error: string;
  seconds: number;
}

export type DeliveryState = "waiting" | "delivered" | "dead";

export interface Delivery {
  id: string;
  event: string;
  asset: string;
  state: DeliveryState;
  attempts: number;
  due?: string | null;
  last?: Attempt | null;
  message: JsonObject;
}
