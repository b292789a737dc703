// One model: key figures, exits and the accuracy matrix, examples, calibration, training.

function stageName(model, k) {
  return model.stages[k].network;
}
function labelName(model, label) {
  return model.label_names[label] || `class ${label}`;
}

function modelCards(model) {
  const result = model.run.result;
  return cards([
    ["top-1", percent(result.top1), result.top5 === null ? null : `top-5 ${percent(result.top5)}`],
    ["cost", `${fixed(result.mmac_per_image, 1)} MMAC`, `${percent(result.mac_fraction, 1)} of ${largestStage(model)} alone`],
    ["speed", `${grouped(Math.round(result.images_per_s))}/s`, `${grouped(result.images)} images`],
    ["time saved", percent(result.measured_saving, 1), `${percent(result.predicted_saving, 1)} of the MACs`],
    ["energy", result.mj_per_image === null ? "unknown" : `${costText(result.mj_per_image)} mJ`, "per image"],
  ]);
}
function largestStage(model) {
  return model.stages.reduce((a, b) => (b.mmac > a.mmac ? b : a)).network;
}

function policyText(model, stage, k) {
  if (stage.policy_hidden !== null) return `${stage.policy_input} label probabilities, ${stage.policy_hidden} hidden`;
  if (k === model.stages.length - 1) return "always stops";
  return model.run ? `${model.run.policy.name}${model.run.policy.parameter === null ? "" : ` ${model.run.policy.parameter}`}` : "none";
}
function stageTable(model) {
  return table(["<stage", "MMAC", "policy MMAC", "<policy"], model.stages.map((stage, k) => [
    stage.network, fixed(stage.mmac, 2), stage.policy_hidden === null ? "–" : fixed(stage.policy_mmac, 4),
    policyText(model, stage, k)]), "Stages of the cascade");
}

// The diagonal against the entries to its right: would a later stage have done better on these images?
function diagonalText(model, matrix) {
  const sentences = [];
  matrix.exits.forEach((exit, k) => {
    const later = exit.top1.slice(k + 1);
    if (!exit.images || !later.length) return;
    const best = Math.max(...later), own = exit.top1[k], name = stageName(model, k + 1 + later.indexOf(best));
    const points = Math.abs(100 * (best - own)).toFixed(2);
    sentences.push(`On the images that left at ${stageName(model, k)}, the best later stage, ${name}, is ` +
      (best > own ? `${points} points more accurate.` : best < own ? `${points} points less accurate.` : "as accurate."));
  });
  return sentences.join(" ");
}

function matrixTable(model, matrix) {
  const values = [...matrix.exits.flatMap((exit) => exit.top1), ...matrix.all].filter((value) => value !== null);
  const low = Math.min(...values), high = Math.max(...values);
  const images = matrix.exits.reduce((sum, exit) => sum + exit.images, 0);
  const cell = (value, own) => element("td", {
    class: own ? "own" : null,
    style: value === null ? null : `--share:${(high > low ? 45 * (value - low) / (high - low) : 0).toFixed(0)}%`,
    "aria-label": own ? `${percent(value)}, the stage where they left` : null,
  }, percent(value));
  const rows = matrix.exits.map((exit, k) => [`left at ${stageName(model, k)}`, grouped(exit.images), percent(exit.images / images, 1),
    ...exit.top1.map((value, stage) => cell(value, stage === k)), percent(exit.answered)]);
  rows.push(["all images", grouped(images), "100.0 %", ...matrix.all.map((value) => cell(value, false)), percent(model.run.result.top1)]);
  return table(["<images", "count", "share", ...model.stages.map((stage) => stage.network), "cascade"], rows,
    "Top-1 accuracy of each stage (columns) on the images that left at each stage (rows); framed: the stage where they left", "matrix");
}

function exitFigure(model, matrix) {
  const images = matrix.exits.reduce((sum, exit) => sum + exit.images, 0);
  const names = model.stages.map((stage) => stage.network);
  const shares = matrix.exits.map((exit) => 100 * exit.images / images);
  const right = matrix.exits.map((exit) => (exit.answered === null ? null : 100 * exit.answered));
  return chartFigure({
    title: "Share and accuracy per exit", height: 300,
    caption: "How many images left at each stage, and how many of these were answered right.",
    config: () => ({
      type: "bar",
      data: {labels: names, datasets: [
        {label: "share of images", data: shares, backgroundColor: color("ours-s"), pointStyle: "rect"},
        {label: "of these answered right", data: right, backgroundColor: color("confidence"), pointStyle: "rect"},
      ]},
      options: chartOptions({x: axis("exit", {grid: {display: false}}), y: axis("%", {beginAtZero: true, max: 100}),
                             tooltip: (item) => `${item.label}: ${item.raw.toFixed(1)} % ${item.dataset.label}`}),
    }),
  });
}

function visit(model, stage, k, label) {
  const row = (name, value, isLabel) => [
    element("span", {class: isLabel ? "name label" : "name"}, name),
    element("span", {class: isLabel ? "bar label" : "bar", "aria-hidden": "true"}, element("i", {style: `width:${(100 * value).toFixed(1)}%`})),
    element("span", {class: "value"}, percent(value, 1))];
  const last = k === model.stages.length - 1;
  const stop = last ? "always stops" : stage.stop_probability === null ? "" : `stops: ${percent(stage.stop_probability, 0)}`;
  return element("div", {class: "visit"}, element("div", {}, element("b", {}, stageName(model, k)), element("span", {}, stop)),
    element("div", {class: "bars"}, stage.top.map(([index, value]) => row(labelName(model, index), value, index === label)),
            stage.rest > 0.0005 ? row("others", stage.rest, false) : null));
}

function example(model, item) {
  const right = item.label === item.answer;
  const label = labelName(model, item.label);
  return element("li", {class: "example"},
    element("div", {class: "head"}, element("img", {src: item.png, alt: `Test image ${item.image}: ${label}`}),
      element("div", {class: "what"}, element("b", {}, label),
        element("span", {class: right ? "rightly" : "wrongly"}, right ? "✓ answered right" : `✗ answered ${labelName(model, item.answer)}`),
        element("br"), element("span", {class: "faint"}, `image ${item.image}`))),
    item.stages.map((stage, k) => visit(model, stage, k, item.label)));
}

function examplesPart(model) {
  const parts = model.run.examples.map((list, k) => [element("h4", {}, `Left at ${stageName(model, k)}`),
    list.length ? element("ul", {class: "examples"}, list.map((item) => example(model, item))) : element("p", {class: "absent"}, "No image left here.")]);
  return [element("h3", {}, "Examples for each exit"), element("p", {class: "faint"},
    "The first images in the order of the data: three that were answered right, of different classes where there are, and one that was not. " +
    "Bars are the label probabilities of each stage visited; green is the label; beside the stage the policy’s probability to stop there."), parts];
}

function calibrationFigure(model, stage, k) {
  const temperature = stage.temperature === null ? "" : ` Temperature ${stage.temperature.toFixed(3)}.`;
  const filled = stage.bins.filter((bin) => bin.images > 0);
  return chartFigure({
    title: stageName(model, k), height: 270,
    caption: `Expected calibration error ${percent(stage.ece)}; mean confidence ${percent(stage.mean_confidence, 1)}, accuracy ${percent(stage.top1, 1)}.${temperature}`,
    data: table(["<confidence", "images", "mean confidence", "accuracy"], filled.map((bin) => [`${bin.low.toFixed(2)}–${bin.high.toFixed(2)}`, grouped(bin.images), percent(bin.confidence), percent(bin.accuracy)]),
                `Reliability of ${stageName(model, k)}`),
    config: () => ({
      type: "bar",
      data: {labels: stage.bins.map((bin) => (50 * (bin.low + bin.high)).toFixed(0)), datasets: [
        {type: "line", label: "well calibrated", data: stage.bins.map((bin) => (bin.confidence === null ? 50 * (bin.low + bin.high) : 100 * bin.confidence)),
         borderColor: color("faint"), borderDash: [4, 4], borderWidth: 1.2, pointRadius: 0, pointStyle: "line"},
        {label: "accuracy", data: stage.bins.map((bin) => (bin.accuracy === null ? null : 100 * bin.accuracy)),
         backgroundColor: stage.bins.map((bin) => faded("ours-s", bin.images < stage.bins.reduce((sum, other) => sum + other.images, 0) / 200 ? 0.35 : 0.85)), categoryPercentage: 1, barPercentage: 0.92, pointStyle: "rect"},
      ]},
      options: chartOptions({x: axis("confidence (%)", {grid: {display: false}, ticks: {maxTicksLimit: 8}}), y: axis("accuracy (%)", {beginAtZero: true, max: 100}), legend: false,
        tooltip: (item) => (item.dataset.type === "line" ? `confidence ${item.raw.toFixed(1)} %`
                                                           : `${item.raw.toFixed(1)} % right of ${grouped(stage.bins[item.dataIndex].images)} images`)}),
    }),
  });
}

function calibrationPart(model) {
  return [element("h3", {}, "Calibration"), element("p", {class: "faint"},
    "Images by their stage’s confidence, the largest label probability: how many of them are right. Bars below the dashed line: the stage is too sure. Pale bars hold fewer than 0.5 % of the images."),
    element("div", {class: "charts"}, model.run.calibration.map((stage, k) => calibrationFigure(model, stage, k)))];
}

const curveColors = ["ours-s", "ours", "confidence", "margin", "agreement", "entropy", "ann", "static"];

function curveSeries(curves, fields) {
  return curves.flatMap((curve, i) => fields.filter(({key}) => curve.epochs.some((epoch) => epoch[key] !== null)).map(({key, name, dash, scale}) => ({
    label: curves.length > 1 || !name ? `${curve.what}${name ? `, ${name}` : ""}` : name,
    data: curve.epochs.filter((epoch) => epoch[key] !== null).map((epoch) => ({x: epoch.epoch, y: scale * epoch[key]})), color: curveColors[(curves.length > 1 ? i : fields.findIndex((field) => field.key === key)) % curveColors.length], dash,
  })));
}

function curveFigure(title, curves, fields, unit) {
  const series = curveSeries(curves, fields);
  if (!series.length) return null;
  const columns = fields.filter(({key}) => curves.some((curve) => curve.epochs.some((epoch) => epoch[key] !== null)));
  const rows = curves.flatMap((curve) => curve.epochs.map((epoch) => [curve.what, `${epoch.epoch}${epoch.kept ? " (kept)" : ""}`, ...columns.map(({key, scale}) => (scale === 1 ? fixed(epoch[key], 4) : percent(epoch[key])))]));
  return chartFigure({
    title, height: 300, data: table(["<of", "epoch", ...columns.map(({name, key}) => name || key)], rows, title),
    config: () => ({
      type: "scatter",
      data: {datasets: series.map(({label, data, color: name, dash}) => lineSeries(label, data, {color: name, mark: "circle", dash}, {pointRadius: data.length > 30 ? 0 : 2.5, borderWidth: 2}))},
      options: chartOptions({x: axis("epoch", {ticks: {precision: 0}}), y: axis(unit), tooltip: (item) => `${item.dataset.label}, epoch ${item.raw.x}: ${item.raw.y.toFixed(unit === "%" ? 2 : 4)}`}),
    }),
  });
}

const phaseTitles = {"pretrain": "Each stage alone", "policy": "Policies on frozen stages", "joint": "Stages and policies together", "joint-policy": "Policies after the joint phase", "refit": "Each stage alone, on all images"};

function trainingPart(model) {
  const curves = model.training ? model.training.curves : [];
  if (!curves.length) return [element("h3", {}, "Training"), element("p", {class: "absent"}, "The model file holds no history of its training.")];
  const phases = [...new Set(curves.map((curve) => curve.phase))];
  const shares = [{key: "accuracy", name: "accuracy", dash: [5, 4], scale: 100}, {key: "validation_accuracy", name: "held-out accuracy", dash: [], scale: 100},
                  {key: "mac_fraction", name: "MACs of the largest stage", dash: [1, 3], scale: 100}];
  return [element("h3", {}, "Training"), phases.map((phase) => {
    const own = curves.filter((curve) => curve.phase === phase), title = phaseTitles[phase] || phase;
    return element("div", {class: "charts wide"}, curveFigure(`${title}: accuracy`, own, shares, "%"), curveFigure(`${title}: loss`, own, [{key: "loss", name: "", dash: [], scale: 1}], "loss"));
  })];
}

function modelSection(model, index) {
  const parts = [];
  if (model.run) {
    parts.push(element("p", {class: "faint"}, `${model.run.dataset}, ${grouped(model.run.result.images)} images, on ${model.run.device}`), modelCards(model), folded("Stages and policies", stageTable(model)),
      frontierPart(model), element("h3", {}, "Who leaves where"), exitFigure(model, model.run.matrix), matrixTable(model, model.run.matrix),
      element("p", {}, diagonalText(model, model.run.matrix)), confusionPart(model), examplesPart(model), calibrationPart(model));
  } else {
    parts.push(stageTable(model), element("p", {class: "absent"}, "The report was made without --data, so that the model was not run."), frontierPart(model));
  }
  parts.push(trainingPart(model));
  return section(`model-${index}`, fileName(model.file), parts);
}

function fileName(path) {
  return path.split("/").pop();
}
