/** Numbers as people read them. */

const plain = new Intl.NumberFormat("en");

export const figure = (value: number): string => plain.format(value);

/** "1 record", "2 records". */
export const count = (value: number, what: string): string => `${figure(value)} ${what}${value === 1 ? "" : "s"}`;

/** In the largest unit that leaves a number of 1 or more; 1 kB is 1,000 bytes. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  const scaled = value / 1000 ** step;
  return `${scaled >= 100 || step === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${units[step]}`;
}

export const milliseconds = (value: number): string => `${value >= 100 ? Math.round(value) : value.toFixed(1)} ms`;

export const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
