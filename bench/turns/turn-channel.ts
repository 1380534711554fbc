/** What page and worker say to each other about the worker's turns. */

export const TURN_CHANNEL = "turns";

export type TurnWatchMessage = "begin" | "end" | { longestMs: number };
