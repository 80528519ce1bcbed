/** JSON Schemas of tools, as far as people need to read and to fill them in. */
import type { Json, JsonObject, Schema } from "./types";

const DEEPEST = 6;

/** A schema with its reference followed, within its own document; what leads nowhere may be anything. */
export function resolved(schema: Schema, root: Schema, depth = 0): Schema {
  if (schema.$ref && depth < DEEPEST) {
    const [, place, name] = /^#\/(\$defs|definitions)\/(.+)$/.exec(schema.$ref) ?? [];
    const found = place && name ? root[place as "$defs" | "definitions"]?.[name] : undefined;
    const { $ref: _, ...more } = schema;
    return found ? resolved({ ...found, ...more }, root, depth + 1) : more;
  }
  const several = schema.anyOf ?? schema.oneOf;
  const real = several?.filter((each) => each.type !== "null");
  const [only] = real ?? [];
  if (several && real?.length === 1 && only && depth < DEEPEST) {
    const { anyOf: _, oneOf: __, ...more } = schema;
    return resolved({ ...only, ...more }, root, depth + 1);
  }
  return schema;
}

/** The type in a word, as in `string`, `number or null`, `list of string`. */
export function typeOf(schema: Schema, root: Schema): string {
  const real = resolved(schema, root);
  if (real.const !== undefined) return JSON.stringify(real.const);
  if (real.enum) return "one of";
  const several = real.anyOf ?? real.oneOf;
  if (several) return [...new Set(several.map((each) => typeOf(each, root)))].join(" or ");
  const types = [real.type ?? (real.properties ? "object" : "any")].flat().filter((each) => each !== "null");
  const type = types.join(" or ");
  if (type === "array" && real.items && typeof real.items === "object") return `list of ${typeOf(real.items, root)}`;
  return type === "array" ? "list" : real.format ? `${type} (${real.format})` : type;
}

/** What a value has to be beside its type. */
export function limitsOf(schema: Schema): string[] {
  const found: string[] = [];
  if (schema.minimum !== undefined) found.push(`at least ${schema.minimum}`);
  if (schema.maximum !== undefined) found.push(`at most ${schema.maximum}`);
  if (schema.minLength !== undefined) found.push(`at least ${schema.minLength} characters`);
  if (schema.maxLength !== undefined) found.push(`at most ${schema.maxLength} characters`);
  if (schema.minItems !== undefined) found.push(`at least ${schema.minItems} items`);
  if (schema.maxItems !== undefined) found.push(`at most ${schema.maxItems} items`);
  if (schema.pattern !== undefined) found.push(`matches ${schema.pattern}`);
  if (schema.default !== undefined && schema.default !== null) found.push(`default ${JSON.stringify(schema.default)}`);
  return found;
}

/** A number, true or false, or JSON of what was typed, as the schema has it; undefined is left out. */
export type Parsed = { value: Json | undefined } | { error: string };

export function parse(text: string, schema: Schema, root: Schema): Parsed {
  const real = resolved(schema, root);
  const type = [real.type].flat().find((each) => each !== "null");
  if (text === "") return { value: undefined };
  if (type === "integer" || type === "number") {
    const value = Number(text);
    if (!Number.isFinite(value)) return { error: "This is no number." };
    if (type === "integer" && !Number.isInteger(value)) return { error: "This is no whole number." };
    return within(value, real);
  }
  if (type === "string") return { value: text };
  try {
    return { value: JSON.parse(text) as Json };
  } catch {
    if (type === undefined) return { value: text };
    return { error: "This is no JSON." };
  }
}

function within(value: number, schema: Schema): Parsed {
  if (schema.minimum !== undefined && value < schema.minimum) return { error: `It is at least ${schema.minimum}.` };
  if (schema.maximum !== undefined && value > schema.maximum) return { error: `It is at most ${schema.maximum}.` };
  return { value };
}

/** What an object begins with: the defaults that its schema has. */
export function initial(schema: Schema): JsonObject {
  const found: JsonObject = {};
  for (const [name, each] of Object.entries(schema.properties ?? {})) {
    if (each.default !== undefined && each.default !== null) found[name] = each.default;
  }
  return found;
}

/** The required members that an object lacks. */
export function lacking(value: JsonObject, schema: Schema): string[] {
  return (schema.required ?? []).filter((name) => value[name] === undefined);
}
