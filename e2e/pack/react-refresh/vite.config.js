import react from "@vitejs/plugin-react";

/** Replaces components in the page as they are edited. */
export default { plugins: [react()] };
