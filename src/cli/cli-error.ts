/** How a command ends when it does not end well. */

/** The command line itself is wrong: exit code 2, and where to find help. */
export class UsageError extends Error {}

/** What was asked for could not be done, or was done and found something wrong: exit code 1. What is to be said has been said. */
export class Failure extends Error {}

export const EXIT = { fine: 0, failed: 1, usage: 2, interrupted: 130 } as const;
