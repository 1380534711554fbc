/** What the page and its worker for files say to each other, through a port of their own: the worker's own channel is PDF.js's. */
import type { Part } from "./file-passage.js";

/** From the page: the file to read next. */
export type Request = File;

/** From the worker: parts of the file, then its end with some letters that follow from its content, or why it cannot be used. */
export type Answer = { part: Part } | { end: true; digest: string } | { refused: string };
