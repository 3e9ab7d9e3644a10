// What tests measure in a list of the staff site.

// Colours that fade into each other would be measured half way.
const still = new CSSStyleSheet();
still.replaceSync("* { transition: none !important; }");
document.adoptedStyleSheets = [still];

const results = () => document.querySelector("#changelist-form .results");
const described = (element) => `${element.tagName.toLowerCase()}.${element.className} “${element.textContent.trim().slice(0, 40)}”`;
const all = (css) => [...results().querySelectorAll(css)];

// What is wider than its frame: the page, the rows, a cell, a header. Beside a script's own rounding of a pixel.
function tooWide(hasHeaders) {
  const faults = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) faults.push(`the page: ${page.scrollWidth} > ${page.clientWidth}`);
  const rows = results();
  if (rows.scrollWidth > rows.clientWidth) faults.push(`the rows: ${rows.scrollWidth} > ${rows.clientWidth}`);
  const frame = rows.getBoundingClientRect();
  for (const element of all("td, th, td *, tbody th *")) {
    const box = element.getBoundingClientRect();
    const isCut = element.parentElement.closest(".till-cut, .till-prose");
    if (box.width && !isCut && (box.right > frame.right + 1 || box.left < frame.left - 1)) faults.push(described(element));
  }
  for (const text of hasHeaders ? all("thead .text") : []) {
    if (text.scrollWidth > text.clientWidth + 1) faults.push(`the header ${described(text)}`);
    if (!text.getBoundingClientRect().width) faults.push(`hidden: ${described(text)}`);
  }
  return faults;
}

// Cells that say something by a picture or in Python's words, and numbers that do not stand at the right.
function strangeCells() {
  const faults = all("img").map(described);
  for (const cell of all("tbody td, tbody th")) {
    if (["None", "-", "–", "True", "False"].includes(cell.textContent.trim())) faults.push(described(cell));
    const hasNumber = cell.querySelector(".till-number");
    if (hasNumber && getComputedStyle(cell).textAlign !== "right") faults.push(`not at the right: ${described(cell)}`);
    if (!cell.dataset.label && !cell.classList.contains("action-checkbox")) faults.push(`no label: ${described(cell)}`);
  }
  return faults;
}

const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
function luminance([red, green, blue]) {
  const [r, g, b] = [red, green, blue].map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function background(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
}

// Texts whose contrast to what is behind them is too low.
function tooPale(least) {
  const faults = new Set();
  const texts = [...all("th, td, th *, td *"), ...document.querySelectorAll(".till-filters *")];
  for (const element of texts) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !element.getBoundingClientRect().width) continue;
    const pair = [luminance(channels(getComputedStyle(element).color)), luminance(background(element))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < least) faults.add(`${contrast.toFixed(2)} ${described(element)}`);
  }
  return [...faults];
}

// What somebody copies who selects the element.
function selected(css) {
  const selection = getSelection();
  selection.selectAllChildren(document.querySelector(css));
  return selection.toString();
}
