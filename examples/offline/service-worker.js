/**
 * Keeps the files of one version of the app together, and serves from them only, with and without a network. A newer version is fetched
 * beside it, as a whole, and waits until the page says that it may take over.
 */
const cacheName = `app-${"VERSION"}`;
const files = ["FILES"];

addEventListener("install", (event) => {
  // Past the HTTP cache: files keep their names from version to version.
  const fresh = files.map((file) => new Request(file, { cache: "reload" }));
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(fresh)));
});

addEventListener("message", ({ data }) => {
  if (data === "take over") void skipWaiting();
});

addEventListener("activate", (event) => {
  event.waitUntil(removeOlder().then(() => clients.claim()));
});

async function removeOlder() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("app-") && name !== cacheName).map((name) => caches.delete(name)));
}

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && new URL(url).origin === location.origin) event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}
