/** An organization's colour, made to be read: on light and on dark, whatever colour it is. */

type Rgb = [number, number, number];
const LIGHT: Rgb = [255, 255, 255];
const DARK: Rgb = [0x17, 0x19, 0x1e];
const INK: Rgb = [0x0c, 0x14, 0x24];
/** WCAG asks for 4.5; a little more, because what is soft or hovered lies a little nearer. */
const ENOUGH = 4.7;

/** The tokens that the colour changes; the rest of the design stays as it is. Empty for what is no colour. */
export function brandTokens(color: string | null): Record<string, string> {
  const brand = color && /^#[0-9a-f]{6}$/i.test(color) ? parse(color) : null;
  if (!brand) return {};
  const softLight = mix(LIGHT, brand, 0.1);
  const softDark = mix(DARK, brand, 0.22);
  const light = until(brand, INK, (each) => contrast(each, softLight) >= ENOUGH);
  const dark = until(brand, LIGHT, (each) => contrast(each, softDark) >= ENOUGH);
  const both = (a: Rgb, b: Rgb) => `light-dark(${hex(a)}, ${hex(b)})`;
  return {
    "--accent": both(light, dark),
    "--accent-hover": both(mix(light, INK, 0.18), mix(dark, LIGHT, 0.25)),
    "--accent-soft": both(softLight, softDark),
    "--surface-selected": both(softLight, softDark),
    "--focus": both(light, dark),
    "--text-on-accent": both(LIGHT, INK),
  };
}

/** The colour nearest to `from`, on its way `to` black or white, with which it is enough. */
function until(from: Rgb, to: Rgb, isEnough: (color: Rgb) => boolean): Rgb {
  for (let step = 0; step <= 20; step += 1) {
    const tried = mix(from, to, step / 20);
    if (isEnough(tried)) return tried;
  }
  return to;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export const parse = (color: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)) as Rgb;
const mix = (a: Rgb, b: Rgb, share: number): Rgb =>
  a.map((part, index) => Math.round(part + ((b[index] ?? 0) - part) * share)) as Rgb;
const hex = (color: Rgb): string => `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
