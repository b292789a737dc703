// The frame of a figure of accuracy against cost, and marks at its edge for what lies outside.

// From the cheapest to the largest stage alone, with a little margin. Accuracy goes as far as the others lie at these
// costs, but by half its range at most. stages, others: {x, y}.
function frameOf(stages, others) {
  const xs = stages.map(({x}) => x), ys = stages.map(({y}) => y);
  const left = Math.min(...xs), right = Math.max(...xs), low = Math.min(...ys), high = Math.max(...ys);
  const width = right - left || right / 4, height = Math.max(high - low, 1);
  const x = {min: Math.max(0, left - 0.06 * width), max: right + 0.06 * width};
  const seen = others.filter((point) => point.x >= x.min && point.x <= x.max).map((point) => point.y);
  const bottom = Math.max(Math.min(low, ...seen), low - height / 2), top = Math.min(Math.max(high, ...seen), high + height / 2);
  return {x, y: {min: bottom - 0.08 * height, max: top + 0.08 * height}};
}

function isInside({x, y}, frame) {
  return x >= frame.x.min && x <= frame.x.max && y >= frame.y.min && y <= frame.y.max;
}

// A series of which nothing lies inside is one mark at the edge: its most accurate point, which tells name and value.
function edgeSeries(series, frame) {
  const {x, y, text, value} = series.data.reduce((best, point) => (point.y > best.y ? point : best));
  const within = (at, {min, max}) => Math.min(Math.max(at, min), max);
  const rotation = y > frame.y.max ? 0 : y < frame.y.min ? 180 : x > frame.x.max ? 90 : 270;
  return {...series, data: [{x: within(x, frame.x), y: within(y, frame.y), text, edge: [series.label, value]}],
          showLine: false, clip: false, pointStyle: "triangle", rotation, pointRadius: 7};
}

// The words of marks at the edge, inside the frame and below each other.
const edgeLabels = {
  id: "edgeLabels",
  afterDatasetsDraw(chart) {
    const {ctx, chartArea} = chart, lineHeight = 16, taken = [];
    ctx.save();
    ctx.font = `12.5px ${Chart.defaults.font.family}`;
    ctx.textBaseline = "top";
    ctx.lineJoin = "round";
    chart.data.datasets.forEach((dataset, index) => dataset.data.forEach((point, i) => {
      if (!point.edge || !chart.isDatasetVisible(index)) return;
      const {x, y} = chart.getDatasetMeta(index).data[i];
      const width = Math.max(...point.edge.map((line) => ctx.measureText(line).width)), height = lineHeight * point.edge.length;
      const box = {left: Math.max(chartArea.left + 4, Math.min(x + 12, chartArea.right - width - 4)),
                   top: Math.max(chartArea.top + 4, Math.min(y - lineHeight / 2, chartArea.bottom - height - 4))};
      if (box.left < x + 12 && box.left + width > x - 12 && box.top < y + 12) box.top = y > chartArea.top + height + 24 ? y - height - 12 : y + 12;
      while (taken.some((other) => Math.abs(other.top - box.top) < height && Math.abs(other.left - box.left) < width + 20)) box.top += lineHeight;
      taken.push(box);
      point.edge.forEach((line, row) => {
        ctx.strokeStyle = color("paper");
        ctx.lineWidth = 4;
        ctx.strokeText(line, box.left, box.top + row * lineHeight);
        ctx.fillStyle = color("ink");
        ctx.fillText(line, box.left, box.top + row * lineHeight);
      });
    }));
    ctx.restore();
  },
};
