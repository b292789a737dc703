// Figures with a chart, drawn in the colours of the page: again when these change, and light for print.

const figures = [];

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
function faded(name, share) {
  const [r, g, b] = color(name).match(/[0-9a-f]{2}/gi).map((digits) => parseInt(digits, 16));
  return `rgba(${r}, ${g}, ${b}, ${share})`;
}

// How a series looks, by its policy, alike in all charts. Series are told apart by their marks too.
const looks = {
  "static": {color: "static", mark: "rect", dash: [6, 4]}, "ours": {color: "ours", mark: "rectRot", dash: []},
  "ours-s": {color: "ours-s", mark: "circle", dash: []}, "confidence": {color: "confidence", mark: "triangle", dash: [2, 2]},
  "entropy": {color: "entropy", mark: "crossRot", dash: [2, 2]}, "margin": {color: "margin", mark: "star", dash: [2, 2]},
  "agreement": {color: "agreement", mark: "rectRounded", dash: [2, 2]}, "ann": {color: "ann", mark: "cross", dash: [8, 3, 2, 3]},
  "sample": {color: "ours", mark: "triangle", dash: [4, 2]}, "random": {color: "random", mark: "dash", dash: [1, 3]}, "oracle": {color: "oracle", mark: "rectRot", dash: [1, 3]},
};
function lookOf(policy, frozen) {
  return looks[policy === "learned" ? (frozen ? "ours-s" : "ours") : policy] ?? {color: "random", mark: "circle", dash: [1, 1]};
}
// Stages from small to large.
function stageColor(stage, stages) {
  return faded("ours-s", 0.25 + 0.75 * (stage + 1) / stages);
}

// One standard deviation to each side of points that have `ex` or `ey`.
const errorBars = {
  id: "errorBars",
  afterDatasetsDraw(chart) {
    const {ctx, scales} = chart;
    chart.data.datasets.forEach((dataset, index) => {
      if (!chart.isDatasetVisible(index) || !scales.x || !scales.y) return;
      const {left, top, width, height} = chart.chartArea;
      ctx.save();
      ctx.beginPath();
      ctx.rect(left - 6, top - 6, width + 12, height + 12);
      ctx.clip();
      ctx.strokeStyle = dataset.borderColor;
      ctx.lineWidth = 1.2;
      ctx.beginPath();
      for (const point of dataset.data.filter((entry) => entry && (entry.ex || entry.ey))) {
        const line = (x1, y1, x2, y2) => { ctx.moveTo(x1, y1); ctx.lineTo(x2, y2); };
        const x = scales.x.getPixelForValue(point.x), y = scales.y.getPixelForValue(point.y);
        if (point.ey) {
          const top = scales.y.getPixelForValue(point.y + point.ey), bottom = scales.y.getPixelForValue(point.y - point.ey);
          line(x, top, x, bottom); line(x - 4, top, x + 4, top); line(x - 4, bottom, x + 4, bottom);
        }
        if (point.ex) {
          const left = scales.x.getPixelForValue(point.x - point.ex), right = scales.x.getPixelForValue(point.x + point.ex);
          line(left, y, right, y); line(left, y - 4, left, y + 4); line(right, y - 4, right, y + 4);
        }
      }
      ctx.stroke();
      ctx.restore();
    });
  },
};

// Tells on the canvas that it was drawn: how many pixels have ink, and how many data points have a place.
const drawn = {
  id: "drawn",
  afterRender(chart) {
    const {canvas} = chart;
    if (canvas.dataset.ink || !canvas.width || !canvas.height) return;
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let ink = 0;
    for (let i = 3; i < data.length; i += 4) ink += data[i] > 0;
    canvas.dataset.ink = ink;
    canvas.dataset.points = chart.getSortedVisibleDatasetMetas().reduce(
      (sum, meta) => sum + meta.data.filter((point) => isFinite(point.x) && isFinite(point.y)).length, 0);
  },
};

function axis(title, more = {}) {
  const {grid, ticks, ...rest} = more;
  return {
    title: {display: Boolean(title), text: title, color: color("faint")}, grid: {color: color("grid"), borderColor: color("line"), ...grid},
    ticks: {color: color("faint"), ...ticks}, ...rest,
  };
}

function chartOptions({x, y, legend = true, tooltip, more = {}}) {
  return {
    animation: false, responsive: true, maintainAspectRatio: false, scales: {x, y},
    interaction: {mode: "nearest", intersect: true},
    plugins: {
      legend: {display: legend, position: "bottom", labels: {color: color("ink"), usePointStyle: true, boxWidth: 8, boxHeight: 8, padding: 14}},
      tooltip: {callbacks: tooltip ? {label: tooltip, title: () => ""} : {}, displayColors: false},
    },
    ...more,
  };
}

// A line with marks through {x, y, ex, ey, text}.
function lineSeries(label, points, look, more = {}) {
  const ink = color(look.color);
  return {
    label, data: points, showLine: true, borderColor: ink, backgroundColor: ink, borderWidth: 1.8, borderDash: look.dash,
    pointStyle: look.mark, pointRadius: 5, pointHoverRadius: 7, pointBorderWidth: 1.8, pointBackgroundColor: ink, tension: 0, ...more,
  };
}

// title, caption, and the same figures as a table, unless one below shows them; height in pixels; config() gives what
// Chart.js draws, and is asked again whenever the colours change.
function chartFigure({title, caption, height = 380, config, data}) {
  const canvas = element("canvas", {role: "img", "aria-label": `${title}. ${caption || ""} The figures stand in the table below the chart.`});
  const node = element("figure", {}, element("h4", {}, title), element("div", {class: "canvas", style: `height:${height}px`}, canvas),
                       caption ? element("figcaption", {}, caption) : null, data ? folded("The figures as a table", data) : null);
  figures.push({canvas, config, chart: null, height});
  return node;
}

function drawFigures() {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12.5;
  for (const figure of figures) {
    if (figure.chart) figure.chart.destroy();
    const config = figure.config();
    config.plugins = [...(config.plugins || []), errorBars, drawn];
    figure.chart = new Chart(figure.canvas, config);
  }
}

// Paper is white and has no folds: while printing, charts are light and tables open, but for those of pages of rows.
const printedRows = 60;
let opened = [];
function beginPrint() {
  document.documentElement.classList.add("printing");
  opened = [...document.querySelectorAll("details:not([open])")].filter((details) => details.querySelectorAll("tr").length <= printedRows);
  for (const details of opened) details.open = true;
  drawFigures();
}
function endPrint() {
  document.documentElement.classList.remove("printing");
  for (const details of opened) details.open = false;
  drawFigures();
}
