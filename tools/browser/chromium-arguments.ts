/** How every suite starts Chromium: as root in a container, without a graphics card, and without a word to the network. */
export const chromiumArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // No process is started before there is a page for it, so that what starts with a page is the page's. Nor are the pages loaded that
  // the address bar shows below it, which nobody sees: they took a third of what it takes to start.
  "--disable-features=SpareRendererForSitePerProcess,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
];
