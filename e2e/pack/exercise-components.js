/**
 * What each app does with its component, which shows the ids of a live `get`: mounted, it shows them, and a write, and another after
 * it was taken off and mounted again.
 */
const root = document.getElementById("root");

/** Resolves once the page shows these texts. */
function shows(...texts) {
  return new Promise((resolve) => {
    const look = () => {
      const shown = [...root.querySelectorAll("p")].map((element) => element.textContent);
      if (shown.join() !== texts.join()) return;
      observer.disconnect();
      resolve(shown);
    };
    const observer = new MutationObserver(look);
    observer.observe(root, { childList: true, subtree: true, characterData: true });
    look();
  });
}

export async function exercise(collection, mount) {
  const add = (id) => collection.add({ ids: [id], embeddings: [[1, 2]] });
  await add("ebb");
  const first = mount(root);
  const shown = [await shows("ebb")];
  await add("flow");
  shown.push(await shows("ebb", "flow"));
  await first();
  await shows();
  const second = mount(root);
  await shows("ebb", "flow");
  await add("moon");
  shown.push(await shows("ebb", "flow", "moon"));
  await second();
  return shown;
}
