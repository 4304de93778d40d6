/**
 * Fair turns: what keeps a hundred busy connections from starving a thousand others.
 *
 * Deno's sockets are tokio's, and a task of tokio's may complete 128 operations before it has to make way
 * for others. What is ready beyond that is deferred, behind everything that becomes ready in the
 * meantime: the sockets that have just been answered, if their peers are quick. A server with a
 * thousand busy clients then serves some 128 of them over and over, and the rest wait for seconds.
 *
 * So reads queue, first come, first served, and no more begin in a turn of the event loop than the
 * budget is enough for. A read whose peer is silent costs nothing of the budget: the longer nothing
 * comes, the more reads begin at once, so that no client waits behind a queue of silent ones.
 *
 * @module
 */

/** tokio's budget: as long as no more operations than this can be ready, none is deferred. */
const BUDGET = 128;

/** A read and a write for each connection are within the budget. */
const FEW = BUDGET / 2;

/**
 * How many reads begin in a turn, if there are more connections. One that finds its data there completes
 * at once, and is followed by a write; so do those of the turn before, which had to wait for theirs.
 */
const READS_PER_TURN = BUDGET / 4;

/** How long no read may complete, in ms, until the reads that wait for their turn go on. */
const STANDSTILL = 2;

/** A turn to come, and how many reads wait for it. */
interface Turn {
  reads: number;
  promise: Promise<void>;
  resolve: () => void;
}

let connections = 0;
const turns: Turn[] = [];
/** How many turns begin at once: twice as many after each standstill. */
let atOnce = 1;
/** Reads that asked for a turn since the last one began: each follows another that completed. */
let asked = 0;
let isGuarded = false;
let hasMoved = false; // since the guard looked

/** Counts a connection that was opened: while there are few, no read has to wait. */
export function joinTurns(): void {
  connections++;
}

/** Counts a connection that was closed. */
export function leaveTurns(): void {
  connections--;
}

/**
 * Asks for the turn to read.
 *
 * @returns Nothing if the read may begin at once, else a promise to wait for. It resolves soon in any
 * case, also that of a connection that is closed meanwhile.
 */
export function myTurn(): Promise<void> | undefined {
  if (connections <= FEW) return undefined;
  if (asked++ === 0) setImmediate(nextTurn); // it runs when all that this turn brought has been dealt with
  let turn = turns.at(-1);
  if (turn === undefined || turn.reads === READS_PER_TURN) {
    turn = { reads: 0, ...Promise.withResolvers<void>() };
    turns.push(turn);
  }
  turn.reads++;
  return turn.promise;
}

// A turn is followed by the next when its reads have completed, and not before: only a loop that waits
// for its sockets learns which of them have become ready.
function nextTurn(): void {
  // More completed than had begun in two turns: others that were silent are ready, too, and some of
  // them were deferred. None begins until they have been served, or they would be deferred again.
  const isOverloaded = asked > FEW;
  if (asked >= READS_PER_TURN / 2) atOnce = 1;
  asked = 0;
  hasMoved = true;
  if (!isOverloaded) begin();
  if (turns.length > 0 && !isGuarded) guard();
}

function begin(): void {
  for (const turn of turns.splice(0, atOnce)) turn.resolve();
}

/** Sees to it that the queue moves even if the clients whose turn it was send nothing. */
function guard(): void {
  isGuarded = true;
  hasMoved = false;
  // A busy process sees its timers before its sockets: what has come meanwhile is dealt with first.
  setTimeout(() => setImmediate(look), STANDSTILL);
}

/** Whether the queue stands still; if it does, twice as many reads begin as at the last look that found so. */
function look(): void {
  isGuarded = false;
  if (!hasMoved && asked === 0) {
    begin();
    atOnce *= 2;
  }
  if (turns.length > 0) guard();
  else atOnce = 1;
}
