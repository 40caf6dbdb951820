/** Which rows a table shows, and in which order. Pure; linear for the order by state. */

import { seconds, type Row } from "./store.ts";
import { ATTENTION, countedAs } from "./states.ts";

export interface Query {
  /** Every word must be in task, identifier or `tag=value` */
  search: string;
  /** States as they are counted; none: all */
  states: ReadonlySet<string>;
  /** `state`, `task`, `progress`, `started`, `duration`, or `tag:<name>` */
  sort: string;
  descending: boolean;
  grouped: boolean;
  /** Tasks whose group is closed */
  closed: ReadonlySet<string>;
}

/** Whether a sort begins with the largest: what has come furthest, or takes longest. */
export const beginsWithMost = (sort: string): boolean => sort === "progress" || sort === "duration";

/** One line of the table: a job, or the head of a group. */
export type Line = Row | Group;

export interface Group {
  group: string;
  name: string;
  rows: Row[];
}

export const isGroup = (line: Line): line is Group => "group" in line;

const haystacks = new WeakMap<Row, { tags: Row["tags"]; text: string }>();

function haystack(row: Row): string {
  const known = haystacks.get(row);
  if (known !== undefined && known.tags === row.tags) return known.text;
  const tags = Object.entries(row.tags).map(([name, value]) => `${name}=${value}`);
  const text = `${row.task} ${row.id} ${tags.join(" ")}`.toLowerCase();
  haystacks.set(row, { tags: row.tags, text });
  return text;
}

/** Makes the test of a search and filter. */
export function matcher(query: Pick<Query, "search" | "states">): (row: Row) => boolean {
  const words = query.search.toLowerCase().split(/\s+/).filter(Boolean);
  const { states } = query;
  return (row) =>
    (states.size === 0 || states.has(countedAs(row.state))) &&
    (words.length === 0 || words.every((word) => haystack(row).includes(word)));
}

type Key = number | string;

function keyOf(sort: string, now: number): (row: Row) => Key | null {
  if (sort === "task") return (row) => row.name;
  if (sort === "progress") return (row) => row.value;
  if (sort === "started") return (row) => row.started;
  if (sort === "duration") return (row) => seconds(row, now);
  const tag = sort.slice("tag:".length);
  return (row) => {
    const value = row.tags[tag];
    if (value === undefined) return null;
    const number = Number(value);
    return value.trim() !== "" && Number.isFinite(number) ? number : value;
  };
}

/** Numbers before texts; what has no value comes last, whatever the direction. */
function compare(a: Key | null, b: Key | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a !== typeof b) return typeof a === "number" ? -sign : sign;
  return a < b ? -sign : a > b ? sign : 0;
}

function sorted(rows: Row[], query: Query, now: number): Row[] {
  const sign = query.descending ? -1 : 1;
  if (query.sort === "state") {
    const buckets = new Map<string, Row[]>(ATTENTION.map((state) => [state, []]));
    for (const row of rows) {
      const bucket = buckets.get(row.state);
      if (bucket === undefined) buckets.set(row.state, [row]);
      else bucket.push(row);
    }
    const lists = [...buckets.values()];
    if (query.descending) lists.reverse();
    return lists.flat();
  }
  const key = keyOf(query.sort, now);
  return rows
    .map((row): [Key | null, Row] => [key(row), row])
    .sort((a, b) => compare(a[0], b[0], sign) || a[1].n - b[1].n)
    .map(([, row]) => row);
}

/** The lines of the table. */
export function lines(rows: readonly Row[], query: Query, now: number): Line[] {
  const list = sorted(rows.filter(matcher(query)), query, now);
  if (!query.grouped) return list;
  const groups = new Map<string, Group>();
  for (const row of list) {
    const group = groups.get(row.task);
    if (group === undefined) groups.set(row.task, { group: row.task, name: row.name, rows: [row] });
    else group.rows.push(row);
  }
  return [...groups.values()].flatMap((group): Line[] =>
    query.closed.has(group.group) ? [group] : [group, ...group.rows]);
}
