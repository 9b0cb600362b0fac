// What the page looks like: first as it comes, then with everything opened.
const root = document.documentElement;
const shown = element => element.getClientRects().length > 0;
const overflow = () => root.scrollWidth - innerWidth;
const closed = overflow();
for (const each of document.querySelectorAll("details")) each.open = true;
const open = overflow();

// Texts of a drawing that leave it or meet another text.
const crossed = [];
for (const drawing of document.querySelectorAll("svg")) {
  if (!shown(drawing)) continue;
  const frame = drawing.getBoundingClientRect();
  const texts = [...drawing.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
  texts.forEach(([text, box], position) => {
    if (box.left < frame.left - 1 || box.right > frame.right + 1) crossed.push(text + " leaves its drawing");
    for (const [other, next] of texts.slice(position + 1)) {
      const apart = box.right <= next.left || next.right <= box.left || box.bottom <= next.top + 2 || next.bottom <= box.top + 2;
      if (!apart) crossed.push(text + " meets " + other);
    }
  });
}

// Contrast of each text with what it stands on (WCAG 2.2, 1.4.3).
const parts = colour => colour.match(/[\d.]+/g).map(Number);
const light = colour => {
  const [red, green, blue] = parts(colour).slice(0, 3).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ratio = (one, other) => {
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const ground = element => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if (parts(colour)[3] !== 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const faint = [];
let texts = 0;
const check = (element, colour, under) => {
  texts += 1;
  if (ratio(colour, under) < 4.5) faint.push(`${element.textContent.trim().slice(0, 40)}: ${ratio(colour, under).toFixed(2)}`);
};
for (const element of document.body.querySelectorAll("*")) {
  if (element.closest("svg, script, style") || !shown(element)) continue;
  if ([...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) {
    check(element, getComputedStyle(element).color, ground(element));
  }
}
for (const text of document.querySelectorAll("svg text")) {
  if (!shown(text)) continue;
  const before = text.previousElementSibling;
  const box = text.closest(".bar") ? before : text.parentElement.querySelector(":scope > rect");
  const fill = box && getComputedStyle(box).fill;
  check(text, getComputedStyle(text).fill, fill && fill !== "none" ? fill : ground(text.closest("svg").parentElement));
}

return {
  width: innerWidth,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  closed, open, crossed, faint, texts,
  drawings: [...document.querySelectorAll("svg.drawing")].filter(shown).length,
  headings: [...document.querySelectorAll("h1, h2, h3, h4")].map(heading => Number(heading.tagName[1])),
  unnamed: [...document.querySelectorAll("svg")].filter(each => !each.querySelector("title").textContent || !each.querySelector("desc").textContent).length,
  lang: root.lang,
  twice: [...document.querySelectorAll("[id]")].map(each => each.id).filter((id, position, all) => all.indexOf(id) !== position),
};
