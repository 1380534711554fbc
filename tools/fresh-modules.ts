/**
 * Before each file of tests that shares a process with others: our own modules begin anew, and with them the hooks that those of
 * `e2e/support` set up as they are imported. What comes from packages is loaded once for all: Playwright takes longer than most tests.
 */
import { vi } from "vitest";

vi.resetModules();
