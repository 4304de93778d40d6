// Preloaded into a server: timeouts of minutes expire within seconds.

const SPEED = 200;

const { setTimeout: systemTimeout } = globalThis;

globalThis.setTimeout =
  ((callback: (...args: unknown[]) => void, ms: number = 0, ...args: unknown[]) =>
    systemTimeout(callback, ms > 10_000 ? ms / SPEED : ms, ...args)) as typeof setTimeout;

const systemNow = performance.now.bind(performance);
performance.now = () => systemNow() * SPEED;
