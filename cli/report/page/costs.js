// Accuracy against cost, exits, Table 2 and savings, over all models and sweeps.

const costUnits = [
  {key: "mmac", title: "multiply-adds", axis: "million multiply-adds per image", digits: 2},
  {key: "ms", title: "time", axis: "milliseconds per image"},
  {key: "mj", title: "energy", axis: "millijoules per image"},
];

function bySeries(points) {
  const series = new Map();
  for (const point of points) {
    if (!series.has(point.series)) series.set(point.series, []);
    series.get(point.series).push(point);
  }
  return series;
}

// Other sources than the first are drawn hollow.
function seriesOf(name, points, toPoint) {
  const look = lookOf(points[0].policy, points[0].frozen);
  const data = points.map(toPoint).sort((a, b) => a.x - b.x);
  const more = points[0].source > 0 ? {pointBackgroundColor: color("paper")} : {};
  if (["random", "oracle"].includes(points[0].policy) && data.length === 1) more.showLine = false;
  return lineSeries(name, data, look, more);
}

function pointName(point) {
  return point.setting ? `${point.series}, ${point.setting}` : point.series;
}

function costTable(points) {
  return table(["<policy", "<setting", "seeds", "top-1", "MMAC/image", "of the largest", "ms/image", "mJ/image"],
    points.map((point) => [point.series, point.setting || "–", `${point.runs}`, spreadPercent(point.top1), spreadCost(point.mmac),
                           percent(point.mac_fraction.mean, 1), spreadCost(point.ms), spreadCost(point.mj)]),
    "Top-1 accuracy and cost; mean ± standard deviation over seeds");
}

// What the names in the legend mean, of those that are there.
const seriesNotes = [
  [(point) => point.policy === "static", "static: a stage alone"],
  [(point) => point.policy === "learned" && point.series.startsWith("Ours (S)"), "Ours (S): policy learned on frozen stages"],
  [(point) => point.policy === "learned" && /^Ours($| ·)/.test(point.series), "Ours: stages and policy trained together"],
  [(point) => point.policy === "oracle", "oracle: stops where the answer is right, a bound"],
];

function costCaption(points, unit, frontiers, hidden) {
  const notes = seriesNotes.filter(([holds]) => points.some(holds)).map(([, note]) => note);
  if (frontiers.length) notes.push("frontier: the model’s ways to run, on held-out images");
  const seeds = Math.max(...points.map((point) => point.runs));
  return [`${notes.join("; ")}.`, seeds > 1 ? `Means over up to ${seeds} seeds, bars one standard deviation.` : "",
          hidden ? `${hidden} point${hidden === 1 ? " lies" : "s lie"} outside the axes.` : ""].filter(Boolean).join(" ");
}

function costFigure(points, unit, models) {
  const known = points.filter((point) => point[unit.key]);
  const toPoint = (point) => ({
    x: point[unit.key].mean, y: 100 * point.top1.mean, ex: point[unit.key].deviation, ey: 100 * point.top1.deviation,
    value: `${spreadPercent(point.top1)} at ${spreadCost(point[unit.key])}`,
    text: `${pointName(point)}: ${spreadPercent(point.top1)} at ${spreadCost(point[unit.key])} ${unit.axis}`,
  });
  const frontiers = () => (unit.key === "mmac" ? frontierSeries(models) : []);
  const drawn = [...bySeries(known)].map(([name, list]) => ({name, list, data: list.map(toPoint)}));
  const framed = known.filter((point) => point.policy !== "oracle").map(toPoint);
  const stages = known.filter((point) => point.policy === "static").map(toPoint);
  const frame = frameOf(stages.length ? stages : framed, [...framed, ...frontiers().flatMap(({data}) => data)]);
  const hidden = drawn.filter(({data}) => data.some((point) => isInside(point, frame)))
    .reduce((sum, {data}) => sum + data.filter((point) => !isInside(point, frame)).length, 0);
  return chartFigure({
    title: `Accuracy against ${unit.title}`, height: 440, caption: costCaption(known, unit, frontiers(), hidden),
    config: () => ({
      type: "scatter",
      data: {datasets: [...frontiers(), ...drawn.map(({name, list, data}) => {
        const series = seriesOf(name, list, toPoint);
        return data.some((point) => isInside(point, frame)) ? series : edgeSeries(series, frame);
      })]},
      plugins: [edgeLabels],
      options: chartOptions({x: axis(unit.axis, {...frame.x, ticks: {includeBounds: false}}), y: axis("top-1 accuracy (%)", {...frame.y, ticks: {includeBounds: false}}),
                             tooltip: (item) => item.raw.text}),
    }),
  });
}

function absentUnit(costs, unit) {
  const missing = `No chart of accuracy against ${unit.title}`;
  const reasons = unit.key === "mj" ? [...new Set(costs.sources.map((source) => source.energy_reason).filter(Boolean))] : [];
  if (!reasons.length) return element("p", {class: "absent"}, `${missing}: it was not measured.`);
  return element("details", {class: "absent"}, element("summary", {}, `${missing}: why none was measured`), reasons.map((reason) => element("p", {}, reason)));
}

function costSection(costs, models) {
  const isMeasured = costs.sources.length > 0;
  const parts = costUnits.filter((unit) => isMeasured || unit.key === "mmac")
    .map((unit) => costs.points.some((point) => point[unit.key]) ? costFigure(costs.points, unit, models) : absentUnit(costs, unit));
  return section("cost", "Accuracy against cost", parts, folded("All points as a table", costTable(costs.points)));
}

function exitSharesFigure(costs, source) {
  const networks = costs.sources[source].networks;
  const points = costs.points.filter((point) => point.source === source && point.policy === "learned" && point.exit_shares.length)
    .sort((a, b) => a.series.localeCompare(b.series) || a.mmac.mean - b.mmac.mean);
  if (points.length < 2) return null;
  const several = costs.sources.length > 1;
  return chartFigure({
    title: `Where images leave${several ? `: ${costs.sources[source].name}` : ""}`,
    caption: "Share of the images that stop at each stage, by the learned policies from cheap to costly.",
    height: 110 + 30 * points.length,
    data: table(["<policy", ...networks], points.map((point) => [pointName(point), ...point.exit_shares.map((share) => percent(share, 1))]),
                "Share of images that left at each stage"),
    config: () => ({
      type: "bar",
      data: {
        labels: points.map(pointName),
        datasets: networks.map((network, k) => ({
          label: network, data: points.map((point) => 100 * point.exit_shares[k]), backgroundColor: stageColor(k, networks.length),
          borderColor: color("paper"), borderWidth: 1, pointStyle: "rect",
        })),
      },
      options: chartOptions({
        x: axis("share of images (%)", {stacked: true, max: 100}), y: axis("", {stacked: true, grid: {display: false}}),
        tooltip: (item) => `${item.label}: ${item.raw.toFixed(1)} % at ${item.dataset.label}`, more: {indexAxis: "y"},
      }),
    }),
  });
}

function tableTwo(costs) {
  const several = costs.sources.length > 1;
  const rows = costs.table2.map(({source, network, top1, mmac, relative, ours}) => ({class: ours ? "ours" : null, cells: [
    network, spreadPercent(top1), spreadCost(mmac), percent(relative, 1), ...(several ? [costs.sources[source].name] : [])]}));
  return section("table2", "Networks alone and the cascade (Table 2)",
    table(["<network", "top-1", "MMAC/image", "of the largest", ...(several ? ["<from"] : [])], rows, "MMAC: million multiply-adds, which the paper calls FLOPs"),
    costs.sources.length > 0 && costs.table2.some(({ours}) => ours) ? null : element("p", {class: "absent"}, "No cascade was run, only stages alone."));
}

// Predicted saving from MACs against the measured one, both relative to the largest stage alone.
function savings(costs) {
  const list = [];
  costs.sources.forEach((_, source) => {
    const all = costs.points.filter((point) => point.source === source);
    const alone = all.filter((point) => point.policy === "static").sort((a, b) => b.mmac.mean - a.mmac.mean)[0];
    for (const point of all) {
      if (!alone || point.policy === "static") continue;
      const measured = (key) => (point[key] && alone[key] ? 1 - point[key].mean / alone[key].mean : null);
      const saving = {point, predicted: 1 - point.mmac.mean / alone.mmac.mean, ms: measured("ms"), mj: measured("mj")};
      if (saving.ms !== null || saving.mj !== null) list.push(saving);
    }
  });
  return list;
}

function savingsSection(costs) {
  const list = savings(costs);
  if (!list.length) {
    const why = costs.points.every((point) => point.policy === "static")
      ? "Nothing but stages alone was run, so that nothing was saved."
      : "Neither time nor energy was measured, so that nothing stands beside the predicted savings.";
    return section("savings", "Predicted and measured savings", element("p", {class: "absent"}, why));
  }
  const ratio = (saving, key) => (saving[key] !== null && saving.predicted > 0 ? (saving[key] / saving.predicted).toFixed(2) : "–");
  const kinds = [["ms", "time", looks["ours-s"]], ["mj", "energy", looks["ours"]]].filter(([key]) => list.some((saving) => saving[key] !== null));
  const low = Math.min(0, ...list.flatMap((saving) => [saving.predicted, saving.ms ?? 0, saving.mj ?? 0]));
  return section("savings", "Predicted and measured savings", chartFigure({
    title: "What multiply-adds promise, and what was saved",
    caption: "Against the largest stage alone on the same device. On the diagonal all that the multiply-adds promise is saved.",
    height: 400,
    data: table(["<policy", "<setting", "MACs saved (predicted)", "time saved", "ratio", "energy saved", "ratio"],
      list.map((saving) => [saving.point.series, saving.point.setting || "–", percent(saving.predicted, 1), percent(saving.ms, 1), ratio(saving, "ms"),
                            percent(saving.mj, 1), ratio(saving, "mj")]), "Savings against the largest stage alone"),
    config: () => ({
      type: "scatter",
      data: {datasets: [
        ...kinds.map(([key, name, look]) => lineSeries(`${name} saved`, list.filter((saving) => saving[key] !== null).map((saving) => ({
          x: 100 * saving.predicted, y: 100 * saving[key],
          text: `${pointName(saving.point)}: ${percent(saving.predicted, 1)} predicted, ${percent(saving[key], 1)} of the ${name} measured`,
        })), look, {showLine: false})),
        {label: "all that is predicted", data: [{x: 100 * low, y: 100 * low, text: ""}, {x: 100, y: 100, text: ""}], showLine: true,
         borderColor: color("faint"), borderDash: [4, 4], borderWidth: 1, pointRadius: 0, pointStyle: "line"},
      ]},
      options: chartOptions({x: axis("multiply-adds saved, predicted (%)", {max: 100}), y: axis("saved, measured (%)", {max: 100}), tooltip: (item) => item.raw.text}),
    }),
  }));
}
