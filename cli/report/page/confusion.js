// Which classes a cascade took for which, with precision and recall.

function confusionCell(model, counts, label, answer, most) {
  const images = counts[label][answer], right = label === answer;
  const all = counts[label].reduce((sum, count) => sum + count, 0);
  const share = images === 0 ? 0 : right ? 45 * images / all : 8 + 47 * images / most;
  return element("td", {class: right ? "right" : "wrong", style: `--share:${share.toFixed(0)}%`,
                        title: `${labelName(model, label)} answered as ${labelName(model, answer)}: ${grouped(images)}`}, images ? grouped(images) : "·");
}

function confusionMatrix(model, {classes, counts}) {
  const labels = counts.map((_, label) => label);
  const most = Math.max(1, ...labels.flatMap((label) => labels.filter((answer) => answer !== label).map((answer) => counts[label][answer])));
  const rows = labels.map((label) => [labelName(model, label), ...labels.map((answer) => confusionCell(model, counts, label, answer, most)), percent(classes[label].recall, 1)]);
  rows.push({class: "foot", cells: ["precision", ...classes.map(({precision}) => percent(precision, 1).replace(" %", "")), "in %"]});
  return table(["<label", ...labels.map((label) => labelName(model, label)), "recall"], rows,
    "Images by label (rows) and the cascade’s answer (columns). Green: right; red: wrong, the darker the more.", "confusion");
}

function largestConfusions(model, {classes, largest}) {
  if (!largest.length) return element("p", {class: "absent"}, "No image was answered wrong.");
  return table(["<label", "<answered as", "images", "of the label’s"], largest.map(({label, answer, images}) => [labelName(model, label), labelName(model, answer), grouped(images),
    percent(images / classes[label].images, 1)]), `The ${largest.length} most frequent confusions`);
}

function classScores(model, {classes}) {
  return table(["<class", "images", "precision", "recall"], classes.map(({images, precision, recall}, label) => [labelName(model, label), grouped(images), percent(precision, 1), percent(recall, 1)]),
    "Precision: how many of the answers are right. Recall: how many of the images are found.");
}

function confusionPart(model) {
  const {confusion} = model.run;
  return [element("h3", {}, "Confusions"), element("p", {class: "faint"}, "What the cascade took for what. Precision is the share of right ones among the answers of a class, recall among its images."),
    confusion.counts ? confusionMatrix(model, confusion) : [largestConfusions(model, confusion), folded("Precision and recall of each class", classScores(model, confusion))]];
}
