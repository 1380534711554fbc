/** Finds the plane of the map, off the page. Answers each message with the plane and the places on it, in order. */
import { findPlane, placeOn, type Rows } from "./principal-axes.js";

addEventListener("message", ({ data }: MessageEvent<Rows>) => {
  const plane = findPlane(data);
  postMessage({ plane, points: placeOn(plane, data) });
});
