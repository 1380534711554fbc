/**
 * The demo without a network, and files that other apps share with it. The build puts the names of its files here and writes the whole
 * as `sw.js`. Files whose names change with their content are taken from the cache; the page itself from the network while there is one.
 */
const cacheName = "tidepool-demo-__VERSION__";
const files = ["__FILES__"];
/** Where files wait that were shared with the app until a page takes them. */
const sharedName = "tidepool-demo-shared";

addEventListener("install", (event) => event.waitUntil(keepAll()));
addEventListener("activate", (event) => event.waitUntil(takeOver()));
addEventListener("message", (event) => event.waitUntil(keepLater(event.data)));
addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method === "POST" && url.pathname.endsWith("/share")) event.respondWith(takeShared(request));
  else if (request.method === "GET") event.respondWith(request.mode === "navigate" ? fromNetwork(request) : fromCache(request));
});

async function keepAll() {
  const cache = await caches.open(cacheName);
  await cache.addAll(files);
  await skipWaiting();
}

async function takeOver() {
  const old = (await caches.keys()).filter((name) => name !== cacheName && name !== sharedName && name.startsWith("tidepool-demo-"));
  await Promise.all(old.map((name) => caches.delete(name)));
  await clients.claim();
}

/** Of the other page, the inspector, what was seen once is kept, as its files are. */
async function fromNetwork(request) {
  try {
    const response = await fetch(request);
    if (response.ok && !response.redirected && isInspector(request))
      await (await caches.open(cacheName)).put("./inspector.html", response.clone());
    return response;
  } catch (error) {
    const kept = await caches.match(isInspector(request) ? "./inspector.html" : "./");
    if (kept) return kept;
    throw error;
  }
}

function isInspector({ url }) {
  return new URL(url).pathname.endsWith("/inspector.html");
}

/** What was asked for once is kept. */
async function fromCache(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok && new URL(request.url).pathname.includes("/assets/"))
    await (await caches.open(cacheName)).put(request, response.clone());
  return response;
}

/** Files that a page has loaded before there was a service worker, such as the model. */
async function keepLater(urls) {
  const cache = await caches.open(cacheName);
  for (const url of urls) if (!(await caches.match(url))) await cache.add(url);
}

/** Keeps what was shared and sends the browser to the page, which fetches it from there. */
async function takeShared(request) {
  const form = await request.formData();
  const cache = await caches.open(sharedName);
  const shared = form.getAll("files").filter((part) => part instanceof File);
  for (const [index, file] of shared.entries()) {
    const headers = { "content-type": file.type || "application/octet-stream", "x-name": encodeURIComponent(file.name) };
    await cache.put(`./shared/${Date.now()}-${index}`, new Response(file, { headers }));
  }
  return Response.redirect("./?shared", 303);
}
