// Runs before the first paint, so that a page in the reader's chosen theme never flashes in the other one.
const chosenTheme = localStorage.getItem("tidepool-demo-theme");
if (chosenTheme === "light" || chosenTheme === "dark") document.documentElement.dataset.theme = chosenTheme;
