/** The worker that finds the plane of the map and draws on its canvas: neither holds up the page. */
import { MapDrawing } from "./map-drawing.js";
import type { Answer, Order } from "./map-messages.js";

let drawing: MapDrawing | null = null;

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  if ("canvas" in data) drawing = new MapDrawing(data.canvas, say);
  else drawing?.obey(data);
});

function say(answer: Answer): void {
  postMessage(answer, { transfer: [answer.places.buffer] });
}
