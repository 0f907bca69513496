/** How many answers wait, in the title of the page: seen in the row of tabs. */

const OURS = /^\(\d+\) /;

export function titled(count: number): void {
  const own = document.title.replace(OURS, "");
  const wanted = count ? `(${count}) ${own}` : own;
  if (wanted !== document.title) document.title = wanted;
}
