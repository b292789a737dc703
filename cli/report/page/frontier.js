// The frontier of a model: a line in the figure of accuracy against cost, and a table.

function frontierName(frontier, point) {
  if (point.policy === "static") return `${frontier.networks[point.parameter]} alone`;
  return point.parameter === null ? point.policy : `${point.policy}:${Number(point.parameter.toPrecision(4))}`;
}

function frontierPoints(frontier) {
  const largest = Math.max(...frontier.stage_mmac);
  return frontier.points.map((point) => ({...point, mmac: point.mac_fraction * largest, name: frontierName(frontier, point)}));
}

// The line, and a ring around the chosen point, of each model that holds a frontier.
function frontierSeries(models) {
  const known = models.filter((model) => model.frontier);
  return known.flatMap((model) => {
    const suffix = known.length > 1 ? ` · ${fileName(model.file)}` : "";
    const place = (point) => ({x: point.mmac, y: 100 * point.top1,
                               text: `${point.name}: ${percent(point.top1)} at ${costText(point.mmac)} MMAC on held-out images${point.chosen ? ", chosen" : ""}`});
    const points = frontierPoints(model.frontier), chosen = points.filter((point) => point.chosen);
    const line = lineSeries(`frontier${suffix}`, points.map(place), {color: "ink", mark: "circle", dash: []}, {pointRadius: 2.5, pointHoverRadius: 6, borderWidth: 1.4});
    const ring = {...lineSeries(`chosen${suffix}`, chosen.map(place), {color: "wrong", mark: "circle", dash: []}), showLine: false, pointRadius: 8, pointHoverRadius: 9,
                  pointBackgroundColor: "transparent", pointBorderWidth: 2.5};
    return chosen.length ? [ring, line] : [line];
  });
}

// Figures without a run: the stages alone on the held-out images.
function heldOutCosts(models) {
  const single = (mean) => ({mean, deviation: null, runs: 1});
  const points = models.filter((model) => model.frontier).flatMap(({frontier}) => frontier.networks.map((network, k) => ({
    source: 0, series: "static", policy: "static", frozen: true, setting: network, combine: "", runs: 1, top1: single(frontier.stage_top1[k]),
    mmac: single(frontier.stage_mmac[k]), mac_fraction: single(frontier.stage_mmac[k] / Math.max(...frontier.stage_mmac)), ms: null, mj: null, exit_shares: []})));
  return {sources: [], points, table2: []};
}

const frontierRows = 12;

function frontierTable(frontier, points, caption) {
  return table(["<way to run", "held-out top-1", "MMAC/image", "of the largest", "alpha", ...frontier.networks.map((network) => `leave at ${network}`)],
    points.map((point) => ({class: point.chosen ? "ours" : null, cells: [point.chosen ? `▸ ${point.name} (chosen)` : point.name, percent(point.top1), costText(point.mmac),
      percent(point.mac_fraction, 1), point.alpha === null ? "–" : `${Number(point.alpha.toPrecision(3))}`, ...point.exits.map((share) => percent(share, 0))]})), caption);
}

function frontierPart(model) {
  const {frontier} = model;
  if (!frontier) return null;
  const points = frontierPoints(frontier), step = (points.length - 1) / (frontierRows - 1);
  const even = new Set(Array.from({length: frontierRows}, (_, i) => Math.floor(i * step)));
  const few = points.length <= frontierRows ? points : points.filter((point, i) => point.chosen || even.has(i));
  return [element("h3", {}, "Frontier"),
    element("p", {class: "faint"}, `The best ways to run this model, from the cheapest to the most accurate, on ${grouped(frontier.images)} held-out images. --target-drop, --target-mac and their like choose among them.`),
    frontierTable(frontier, few, points.some((point) => point.chosen) ? "Frontier; marked: the chosen point" : "Frontier; the model was run in another way"),
    few.length < points.length ? folded(`All ${points.length} points`, frontierTable(frontier, points, "All points of the frontier")) : null];
}
