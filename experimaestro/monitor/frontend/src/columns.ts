/** Which columns a table of a given width has. They depend on the width and the set of tags only. Pure. */

export interface Column {
  /** `pick`, `state`, `task`, `tags`, `tag:<name>`, `progress`, `started`, `duration` or `action` */
  key: string;
  title: string;
  /** Its track of the grid */
  width: string;
  right?: boolean;
  mono?: boolean;
}

/** A column that is made: its least width, and its share of what is left over, if it has one */
type Track = Omit<Column, "width"> & { least: number; share?: number };

const GAP = 10;
/** Left and right of a row */
const EDGES = 20;
const LETTER = 6.8;

/**
 * @param width of the table, in pixels
 * @param em size of its text, in pixels
 * @param tags length of the longest value of each tag
 */
export function columns(width: number, em: number, tags: ReadonlyMap<string, number>): Column[] {
  const scale = em / 12;
  const w = width / scale;
  const px = (n: number): string => `${Math.round(n * scale)}px`;
  const small = w < 560;
  const hasAction = w >= 640;
  const hasDuration = w >= 440;
  const tagWidth = (name: string, longest: number): number =>
    Math.min(118, 8 + Math.max(name.length * LETTER + 14, longest * LETTER));
  const allTags = [...tags].reduce((sum, [name, longest]) => sum + tagWidth(name, longest) + GAP, 0);
  const fixed = 20 + 118 + (hasAction ? 58 : 0) + (hasDuration ? 64 : 0) + 120 + 160;

  const made: Track[] = [];
  if (w >= 480) made.push({ key: "pick", title: "", least: 14 });
  made.push({ key: "state", title: "State", least: small ? 70 : 84 });
  made.push({ key: "task", title: "Task", ...(small ? { least: 76, share: 1 } : { least: hasAction ? 132 : 112, share: 0.9 }) });
  if (w - fixed - allTags > 0) {
    for (const [name, longest] of tags) made.push({ key: `tag:${name}`, title: name, least: tagWidth(name, longest), mono: true });
  } else if (w >= 380) {
    made.push({ key: "tags", title: "Tags", ...(small ? { least: 96, share: 1.15 } : { least: 110, share: 1.2 }) });
  }
  made.push({ key: "progress", title: "Progress", ...(small ? { least: 96, share: 1 } : { least: 150, share: 2 }) });
  if (w >= 1240) made.push({ key: "started", title: "Started", least: 62, right: true });
  if (hasDuration) made.push({ key: "duration", title: "Duration", least: 56, right: true });
  if (hasAction) made.push({ key: "action", title: "", least: 48, right: true });

  // just above a width from which there is a column more, the others have less than they want
  const sum = (tracks: Track[]): number => tracks.reduce((all, track) => all + track.least, 0);
  const left = w - EDGES - GAP * (made.length - 1) - sum(made.filter((track) => track.share === undefined));
  const part = Math.min(1, left / sum(made.filter((track) => track.share !== undefined)));
  return made.map(({ least, share, ...column }) =>
    ({ ...column, width: share === undefined ? px(least) : `minmax(${Math.floor(least * part * scale)}px,${share}fr)` }));
}
