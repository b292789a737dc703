// Puts the page together.

function sweepStages(sweep) {
  if (!sweep.stages.some((stage) => stage.ece !== null || stage.temperature !== null)) return null;
  return table(["<stage", "top-1", "top-5", "calibration error", "temperature"], sweep.stages.map((stage) => [
    stage.network, percent(stage.top1), percent(stage.top5), percent(stage.ece), fixed(stage.temperature, 3)]), "Stages of the sweep, alone on all images");
}

function settingsText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function madeModel(model) {
  const {training, run} = model;
  return [element("h3", {}, fileName(model.file)),
    facts([["file", model.file], ["run on", run && run.device], ["drivers", run && run.drivers], ["data", run && run.data], ["precision", run && run.precision],
           ["batch size", run && grouped(run.batch_size)], ["decision", run && run.decision], ["trained on", training && training.device],
           ["with", training && training.driver], ["seed", training && training.settings.seed !== undefined ? `${training.settings.seed}` : null]]),
    training && training.command ? [element("p", {class: "faint"}, "The training’s settings as a command:"), element("pre", {}, element("code", {}, training.command))] : null,
    training && Object.keys(training.settings).length ? folded("All settings of the training", table(["<setting", "<value"],
      Object.entries(training.settings).map(([name, value]) => [name, settingsText(value)]))) : null];
}

function madeSweep(sweep) {
  return [element("h3", {}, fileName(sweep.file)),
    facts([["file", sweep.file], ["made by", sweep.created_by], ["model", sweep.model], ["data", sweep.data], ["device", sweep.device], ["images", grouped(sweep.images)],
           ["runs", grouped(sweep.runs)], ["seeds", sweep.seeds.join(", ")]]),
    sweep.command ? element("pre", {}, element("code", {}, sweep.command)) : null, sweepStages(sweep)];
}

function madeSection(report) {
  return section("made", "How it was made", element("p", {}, `This page was made by ${report.created_by}:`), element("pre", {}, element("code", {}, report.command)),
    report.sweeps.map(madeSweep), report.models.map(madeModel));
}

function leadText(report) {
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  const parts = [report.models.length ? count(report.models.length, "model") : null, report.sweeps.length ? count(report.sweeps.length, "sweep") : null];
  return `A cascade of image classifiers: easy images leave early. ${parts.filter(Boolean).join(", ")}.`;
}

// What is wrong with the cascades, before all else.
function warningsSection(models) {
  const list = (title, warnings) => (warnings.length ? [element("h3", {}, title), element("ul", {}, warnings.map((warning) => element("li", {}, warning)))] : []);
  const lists = models.flatMap((model) => [...list(`${fileName(model.file)}, measured here`, model.run ? model.run.warnings : []),
                                           ...list(`${fileName(model.file)}, on the images of its frontier`, model.warnings)]);
  return lists.length ? element("aside", {class: "warnings", "aria-labelledby": "warnings"}, element("h2", {id: "warnings"}, "Warnings"), lists) : null;
}

function showReport(report) {
  const main = document.getElementById("report");
  main.replaceChildren();
  main.append(...[warningsSection(report.models)].filter(Boolean));
  if (!report.costs.points.length && report.models.some((model) => model.frontier)) main.append(costSection(heldOutCosts(report.models), report.models));
  if (report.costs.points.length) {
    main.append(costSection(report.costs, report.models), tableTwo(report.costs));
    const exits = report.costs.sources.map((_, source) => exitSharesFigure(report.costs, source)).filter(Boolean);
    if (exits.length) main.append(section("exits", "Exits", exits));
    main.append(savingsSection(report.costs));
  }
  main.append(...report.models.map(modelSection), madeSection(report));
  document.getElementById("lead").textContent = leadText(report);
  document.getElementById("contents").append(element("ul", {}, contents.map(({id, title}) => element("li", {}, element("a", {href: `#${id}`}, title)))));
  document.getElementById("foot").textContent = `${report.created_by}. Charts by Chart.js (MIT licence). The page needs no network.`;
}

const root = document.documentElement;
root.dataset.errors = 0;
addEventListener("error", (event) => { ++root.dataset.errors; root.dataset.error = event.message; });
showReport(JSON.parse(document.getElementById("data").textContent));
drawFigures();
root.dataset.figures = figures.length;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawFigures);
addEventListener("beforeprint", beginPrint);
addEventListener("afterprint", endPrint);
