/** Installing the app, and its updates. */

/** Shows the button where the browser says that the app can be installed. */
export function offerInstall(button) {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    button.hidden = false;
    button.onclick = () => event.prompt();
  });
  addEventListener("appinstalled", () => {
    button.hidden = true;
  });
}

/**
 * Registers the service worker, says when the app can do without a network, and shows the notice when a newer version is whole. Taking it
 * has the new service worker take over, and reloads: page and engine are always of one version.
 */
export async function offerUpdates(notice, status) {
  const registration = await navigator.serviceWorker.register("service-worker.js");
  const offer = () => {
    notice.hidden = registration.waiting === null || navigator.serviceWorker.controller === null;
  };
  registration.addEventListener("updatefound", () => registration.installing.addEventListener("statechange", offer));
  offer();
  let isTaking = false;
  notice.querySelector("button").onclick = () => {
    isTaking = true;
    registration.waiting.postMessage("take over");
  };
  navigator.serviceWorker.addEventListener("controllerchange", () => isTaking && location.reload());
  await navigator.serviceWorker.ready;
  status.textContent = "Works without a network";
}
