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

const GAP = 10;
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

  const made: Column[] = [];
  if (w >= 480) made.push({ key: "pick", title: "", width: px(14) });
  made.push({ key: "state", title: "State", width: px(small ? 70 : 84) });
  made.push({ key: "task", title: "Task", width: small ? `minmax(${px(76)},1fr)` : `minmax(${px(112)},.9fr)` });
  if (w - fixed - allTags > 0) {
    for (const [name, longest] of tags) {
      made.push({ key: `tag:${name}`, title: name, width: px(tagWidth(name, longest)), mono: true });
    }
  } else if (w >= 380) {
    made.push({ key: "tags", title: "Tags", width: small ? `minmax(${px(96)},1.15fr)` : `minmax(${px(110)},1.2fr)` });
  }
  made.push({ key: "progress", title: "Progress", width: small ? `minmax(${px(96)},1fr)` : `minmax(${px(150)},2fr)` });
  if (w >= 1240) made.push({ key: "started", title: "Started", width: px(62), right: true });
  if (hasDuration) made.push({ key: "duration", title: "Duration", width: px(56), right: true });
  if (hasAction) made.push({ key: "action", title: "", width: px(48), right: true });
  return made;
}
