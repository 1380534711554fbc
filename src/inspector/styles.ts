/** The style sheets of the element's shadow root, made once: no `style` element or attribute, which a strict policy would refuse. */
import { controlStyles } from "./control-styles.js";
import { layoutStyles } from "./layout-styles.js";
import { tableStyles } from "./table-styles.js";

let made: CSSStyleSheet[] | null = null;

export function styleSheets(): CSSStyleSheet[] {
  return (made ??= [layoutStyles, controlStyles, tableStyles].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  }));
}
