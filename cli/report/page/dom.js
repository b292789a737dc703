"use strict";
// Elements, numbers and tables. Texts go in as text nodes: no name in a report is ever taken for HTML.

// element("p", {class: "faint"}, "text", otherElement, ...); null children are left out.
function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}

// Unknown figures are "–".
function fixed(value, digits) {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}
function percent(share, digits = 2) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`;
}
function grouped(count) {
  return count === null || count === undefined ? "–" : count.toLocaleString("en-US");
}
// Three significant digits at least, for costs from microseconds to seconds.
function costText(value) {
  if (value === null || value === undefined) return "–";
  return value >= 100 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}
// A mean and deviation over seeds: "87.98 ± 0.11 %".
function spreadPercent(spread, digits = 2) {
  if (!spread) return "–";
  const deviation = spread.deviation === null ? "" : ` ± ${(100 * spread.deviation).toFixed(digits)}`;
  return `${(100 * spread.mean).toFixed(digits)}${deviation} %`;
}
function spreadCost(spread) {
  if (!spread) return "–";
  const mean = costText(spread.mean);
  const digits = (mean.split(".")[1] || "").length;
  return spread.deviation === null ? mean : `${mean} ± ${spread.deviation.toFixed(digits)}`;
}

// A text whose words are not broken at their hyphens: "resnet-8", "--target-drop".
function words(text) {
  if (typeof text !== "string") return text;
  return text.split(/(\S*-\S*)/).map((part) => (part.includes("-") && part.length < 25 ? element("span", {class: "word"}, part) : part));
}

// titles: column titles; those that begin with "<" are of text columns. rows: lists of cells, texts or elements; a row
// may also be {cells, class}. The first cell of a row is its header.
function table(titles, rows, caption, tableClass) {
  const isText = titles.map((title) => title.startsWith("<"));
  const kind = (i) => (isText[i] ? "text" : null);
  const head = titles.map((title, i) => element("th", {scope: "col", class: kind(i)}, words(title.replace(/^</, ""))));
  const body = rows.map((row) => {
    const cells = (row.cells || row).map((cell, i) => {
      if (cell instanceof HTMLTableCellElement) return cell;
      return i === 0 ? element("th", {scope: "row", class: kind(i)}, words(cell)) : element("td", {class: kind(i)}, cell);
    });
    return element("tr", {class: row.class}, cells);
  });
  const node = element("table", {class: tableClass, "aria-label": caption}, element("thead", {}, element("tr", {}, head)), element("tbody", {}, body));
  // The caption stands above the box, so that it does not scroll with the table.
  return [caption ? element("p", {class: "caption"}, caption) : null,
          element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption || "Table"}, node)];
}

function folded(title, content) {
  return element("details", {}, element("summary", {}, title), content);
}

// A section with an entry in the contents.
const contents = [];
function section(id, title, ...children) {
  contents.push({id, title});
  return element("section", {id, "aria-labelledby": `${id}-title`}, element("h2", {id: `${id}-title`}, title), children);
}

function cards(list) {
  return element("dl", {class: "cards"}, list.filter(Boolean).map(([name, value, note]) => element(
    "div", {class: "card"}, element("dt", {}, name), element("dd", {}, value, note ? element("small", {}, note) : null))));
}

function facts(list) {
  return element("dl", {class: "facts"}, list.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}
