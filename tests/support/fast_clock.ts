// Preloaded into a server: timeouts of minutes expire within seconds.

const { setTimeout: systemTimeout } = globalThis;

globalThis.setTimeout =
  ((callback: (...args: unknown[]) => void, ms: number = 0, ...args: unknown[]) =>
    systemTimeout(callback, ms > 10_000 ? ms / 200 : ms, ...args)) as typeof setTimeout;
