/** Numbers and times in words. Pure. */

const two = (n: number): string => String(n).padStart(2, "0");

/** A duration: `mm:ss`, from one hour `h:mm:ss`. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor((s % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${two(minutes)}:${two(s % 60)}`;
}

/** A time of day, of the reader's time zone. */
export function timeOfDay(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A day and a time, ISO. */
export function dateTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${timeOfDay(seconds)}`;
}

/** An estimate in words. */
export function about(seconds: number): string {
  if (seconds < 60) return "less than a minute";
  let minutes = Math.round(seconds / 60);
  if (minutes > 60) minutes = 10 * Math.round(minutes / 10);
  if (minutes >= 48 * 60) return `about ${Math.round(minutes / 1440)} d`;
  if (minutes < 60) return `about ${minutes} min`;
  const rest = minutes % 60;
  return `about ${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
}

export const count = (n: number): string => n.toLocaleString("en-US");

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** A size in bytes, in words. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  for (const [size, unit] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]] as const) {
    if (n >= size) return `${(n / size).toFixed(n / size < 10 ? 1 : 0)} ${unit}`;
  }
  return `${n} B`;
}

/** Only the last part of a type's name. */
export const shortName = (task: string): string => task.slice(task.lastIndexOf(".") + 1);
