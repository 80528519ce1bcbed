/** The names that clients will see, foreseen as the registry chooses them: see core/composing.py and virtual_names.py. */

export interface Member {
  server: string;
  tool: string;
  alias: string;
  description: string;
  /** A version of the server to stay at; empty: its default one. */
  version: string;
  /** The name that it had before, which it keeps where no alias is given. */
  kept?: string;
  /** What the server says of it. */
  own?: string;
  scopes?: string[];
}

export interface Named {
  name: string;
  problem?: "clash" | "form" | "twice";
}

const FORM = /^[A-Za-z0-9_.-]{1,64}$/;

/** A name for each: the alias, else the one it had, else that of the tool, else with that of the server in front. */
export function named(members: Member[]): Named[] {
  const found: (Named | undefined)[] = members.map(() => undefined);
  const taken = new Set<string>();
  const take = (index: number, name: string) => {
    const folded = name.toLowerCase();
    found[index] = taken.has(folded) ? { name, problem: "clash" } : FORM.test(name) ? { name } : { name, problem: "form" };
    taken.add(folded);
  };
  for (const [index, each] of members.entries()) if (each.alias) take(index, each.alias);
  for (const [index, each] of members.entries()) if (!each.alias && each.kept) take(index, each.kept);
  for (const [index, each] of members.entries()) {
    if (found[index]) continue;
    const wishes = [acceptable(each.tool), acceptable(`${each.server}_${each.tool}`)];
    const free = wishes.find((wish) => !taken.has(wish.toLowerCase())) ?? `${wishes[1]!.slice(0, 54)}_…`;
    if (earlier(members, index)) found[index] = { name: each.tool, problem: "twice" };
    else {
      found[index] = { name: free };
      taken.add(free.toLowerCase());
    }
  }
  return found as Named[];
}

/** Whether the same tool stands before it: then it has to have another name. */
function earlier(members: Member[], index: number): boolean {
  const mine = members[index]!;
  return members.slice(0, index).some((each) => each.server === mine.server && each.tool === mine.tool && each.version === mine.version);
}

/** What clients accept of a name; the registry marks what it had to change. */
function acceptable(name: string): string {
  return FORM.test(name) ? name : `${name.replaceAll(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 54)}_…`;
}

/** As the registry takes it: what is left to itself is left out. */
export function wish(member: Member): Record<string, string | string[]> {
  const { server, tool, alias, description, version, own, scopes } = member;
  return {
    server,
    tool,
    ...(alias && { alias }),
    ...(description && description !== own && { description }),
    ...(version && { version }),
    ...(scopes?.length && { scopes }),
  };
}
