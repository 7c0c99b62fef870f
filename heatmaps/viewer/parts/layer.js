// The numbers as colours: one pixel per step of the tile grid, overlapping tiles averaged.
const field = given.tiles && (function () {
  const tiles = given.tiles;
  const cells = new Int32Array(bytesOf(tiles.cells));
  const corners = new Float32Array(bytesOf(tiles.corners));
  const count = cells.length / 2, width = tiles.size[0], height = tiles.size[1];
  // For each pixel the tile whose centre is nearest to the pixel's own.
  const nearest = new Int32Array(width * height).fill(-1), distance = new Float32Array(width * height);
  const middle = (tiles.across - 1) / 2;
  function eachCell(tile, visit) {
    for (let y = 0; y < tiles.across; y++) {
      for (let x = 0; x < tiles.across; x++) {
        const column = cells[2 * tile] + x, row = cells[2 * tile + 1] + y;
        if (column >= 0 && row >= 0 && column < width && row < height) visit(row * width + column, x, y);
      }
    }
  }
  for (let tile = 0; tile < count; tile++) {
    eachCell(tile, function (at, x, y) {
      const away = Math.hypot(x - middle, y - middle);
      if (nearest[at] < 0 || away < distance[at]) { nearest[at] = tile; distance[at] = away; }
    });
  }
  return { ...tiles, corners, count, width, height, nearest, eachCell };
})();

given.layers.forEach(function (layer) {
  layer.values = new Float32Array(bytesOf(layer.values));
  const total = new Float64Array(field.width * field.height), covered = new Int32Array(total.length);
  layer.values.forEach(function (value, tile) {
    field.eachCell(tile, function (at) { total[at] += value; covered[at] += 1; });
  });
  layer.mean = total.map(function (sum, at) { return covered[at] ? sum / covered[at] : NaN; });
});

function strength(layer, value) { return layer.signed ? Math.abs(value) : value; }

function colourAt(knots, position) {
  const place = Math.min(1, Math.max(0, position)) * (knots.length - 1);
  const low = Math.min(Math.floor(place), knots.length - 2), part = place - low;
  return [0, 1, 2].map(function (channel) {
    return Math.round(knots[low][channel] * (1 - part) + knots[low + 1][channel] * part);
  });
}

function knotsOf(layer, map) {
  return given.maps[map === "standard" ? (layer.signed ? "signed" : "rising") : map];
}

function positionOf(layer, value) {
  return layer.signed ? (value / layer.clip + 1) / 2 : value / layer.clip;
}

// Paint a layer; what is weaker than the threshold, or no tile, stays transparent.
function painted(layer, map, threshold) {
  const canvas = document.createElement("canvas");
  canvas.width = field.width;
  canvas.height = field.height;
  const context = canvas.getContext("2d"), picture = context.createImageData(field.width, field.height);
  const knots = knotsOf(layer, map);
  layer.mean.forEach(function (value, at) {
    if (Number.isNaN(value) || strength(layer, value) < threshold) return;
    picture.data.set([...colourAt(knots, positionOf(layer, value)), 255], 4 * at);
  });
  context.putImageData(picture, 0, 0);
  return canvas;
}

// Edges between tile and no tile, as [x, y, x, y] in steps of the grid, runs joined.
const outline = field && (function () {
  const edges = [];
  function has(x, y) {
    return x >= 0 && y >= 0 && x < field.width && y < field.height && field.nearest[y * field.width + x] >= 0;
  }
  function follow(lines, length, differs, edge) {
    for (let line = 0; line <= lines; line++) {
      for (let at = 0, from = -1; at <= length; at++) {
        const border = at < length && differs(line, at);
        if (border && from < 0) from = at;
        if (!border && from >= 0) { edges.push(edge(line, from, at)); from = -1; }
      }
    }
  }
  follow(field.height, field.width, (y, x) => has(x, y - 1) !== has(x, y), (y, a, b) => [a, y, b, y]);
  follow(field.width, field.height, (x, y) => has(x - 1, y) !== has(x, y), (x, a, b) => [x, a, x, b]);
  return edges;
})();

function tileAt(x0, y0) {
  if (!field) return -1;
  const column = Math.floor((x0 - field.origin[0]) / field.step), row = Math.floor((y0 - field.origin[1]) / field.step);
  if (column < 0 || row < 0 || column >= field.width || row >= field.height) return -1;
  return field.nearest[row * field.width + column];
}
