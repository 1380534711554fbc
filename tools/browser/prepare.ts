/** Before the first test of a suite that drives a browser: what would take one that starts it longer than a test may. */
import { usedProfile } from "./firefox.js";
import { target } from "./target.js";

export default async function prepare(): Promise<void> {
  if (target === "firefox") await usedProfile();
}
