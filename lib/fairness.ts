/**
 * Fair turns: what keeps a hundred busy connections from starving a thousand others.
 *
 * Deno's sockets are tokio's, and a task of tokio's may complete 128 operations before it has to make way
 * for others. What is ready beyond that is put off, and put off behind whatever becomes ready in the
 * meantime: the sockets that have just been answered, if their peers are quick. A server with a
 * thousand busy clients then serves some 128 of them over and over, and the rest wait for seconds.
 *
 * So no more reads begin in a turn of the event loop than the budget is enough for; the others queue,
 * first come, first served.
 *
 * @module
 */

/** The budget: as long as no more operations than this can be ready, nothing is ever put off. */
const BUDGET = 128;

/** A read and a write for each connection are not too much for the budget. */
const FEW = BUDGET / 2;

/**
 * How many reads begin in a turn, if there are more connections. One that finds its data there completes
 * at once, and is followed by a write; so do those of the turn before, which had to wait for theirs.
 */
const READS_PER_TURN = BUDGET / 4;

/** How long the queue may stand still, in ms, if none of the reads that began completes. */
const STANDSTILL = 4;

/** A turn to come, and how many reads wait for it. */
interface Turn {
  reads: number;
  promise: Promise<void>;
  resolve: () => void;
}

let connections = 0;
let begun = 0; // reads, in this turn
let isTurnMarked = false;
let isGuarded = false;
let hasMoved = false; // since the guard looked
const turns: Turn[] = [];

/** Counts a connection that was opened: as long as there are few, nobody has to wait. */
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
  if (!isTurnMarked) {
    isTurnMarked = true;
    setImmediate(nextTurn); // it runs when all that this turn brought has been dealt with
  }
  if (begun < READS_PER_TURN && turns.length === 0) {
    begun++;
    return undefined;
  }
  let turn = turns.at(-1);
  if (turn === undefined || turn.reads === READS_PER_TURN) {
    turn = { reads: 0, ...Promise.withResolvers<void>() };
    turns.push(turn);
  }
  turn.reads++;
  return turn.promise;
}

// A turn is followed by the next as soon as its reads complete, and not before: only a loop that waits
// for its sockets learns which of them have become ready.
function nextTurn(): void {
  isTurnMarked = false;
  hasMoved = true;
  const turn = turns.shift();
  begun = turn?.reads ?? 0;
  turn?.resolve();
  if (turns.length > 0 && !isGuarded) guard();
}

/** Sees to it that the queue moves even if the clients whose turn it was send nothing. */
function guard(): void {
  isGuarded = true;
  hasMoved = false;
  setTimeout(() => {
    isGuarded = false;
    if (turns.length === 0) return;
    if (hasMoved) guard();
    else nextTurn();
  }, STANDSTILL);
}
