// The settings that a page is opened with. They have Heartwire's names and spelling, so that one
// query opens every page alike.

const query = new URLSearchParams(location.search);

export const url = query.get('url') ?? 'ws://localhost:8080';
export const retryMin = milliseconds('retry_min', '1s');
export const retryMax = milliseconds('retry_max', '10s');
export const heartbeat = milliseconds('heartbeat', '30s');

function milliseconds(name, otherwise) {
  const value = query.get(name) ?? otherwise;
  const [, number, unit] = /^(\d+)(ms|s|m)$/.exec(value) ?? [];
  if (!unit) throw new Error(`${name} "${value}" is not a duration, such as 500ms, 30s, or 2m`);
  return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit];
}
