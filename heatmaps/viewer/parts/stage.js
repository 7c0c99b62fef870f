// The picture, the colours on it, and the marks above; all follow OpenSeadragon's place and zoom.
const stage = byId("stage"), still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const image = given.image;
const source = {
  width: image.width,
  height: image.height,
  tileSize: image.tile,
  tileOverlap: 0,
  getTileUrl: image.levels
    ? function (level, x, y) { return image.levels[level][y][x]; }
    : function (level, x, y) { return `${image.tiles}${level}/${x}_${y}.jpg`; },
};
if (image.levels) source.maxLevel = image.levels.length - 1;
const osd = OpenSeadragon({
  element: stage,
  tileSources: source,
  drawer: "canvas",
  showNavigationControl: false,
  showNavigator: !image.levels,
  navigatorPosition: "BOTTOM_RIGHT",
  animationTime: still ? 0 : 0.5,
  blendTime: 0,
  maxZoomPixelRatio: image.levels ? 8 : 4,
  minZoomImageRatio: 0.7,
  visibilityRatio: 0.3,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true, scrollToZoom: given.wheel },
  gestureSettingsTouch: { clickToZoom: false },
});
const state = { target: 0, method: null, map: "standard", tissue: "grey", opacity: 0.85, threshold: 0, labels: true, chosen: -1, keyboard: false };
let colours = null;

function canvasAbove(id) {
  const canvas = document.createElement("canvas");
  canvas.id = id;
  canvas.className = "above";
  canvas.setAttribute("aria-hidden", "true");
  stage.appendChild(canvas);
  return canvas;
}
const layerCanvas = canvasAbove("layer"), marksCanvas = canvasAbove("marks");

function layerNow() {
  return given.layers.find(function (one) { return one.target === state.target && one.name === state.method; });
}

// Level-0 px to px of the stage: x = left + x0 * scaleX.
function transform() {
  const item = osd.world.getItemAt(0);
  if (!item) return null;
  const at = function (x, y) { return osd.viewport.pixelFromPoint(item.imageToViewportCoordinates(x, y, true), true); };
  const corner = at(0, 0), end = at(image.width, image.height);
  return { left: corner.x, top: corner.y, x: (end.x - corner.x) / image.slide[0], y: (end.y - corner.y) / image.slide[1] };
}

function fresh(canvas, scale) {
  const width = Math.round(stage.clientWidth * scale), height = Math.round(stage.clientHeight * scale);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

function draw() {
  const to = transform(), scale = window.devicePixelRatio || 1;
  if (!to) return;
  if (field) {
    const left = to.left + field.origin[0] * to.x, top = to.top + field.origin[1] * to.y;
    const context = fresh(layerCanvas, scale);
    context.imageSmoothingEnabled = false;
    if (colours) context.drawImage(colours, left, top, field.width * field.step * to.x, field.height * field.step * to.y);
    drawMarks(fresh(marksCanvas, scale), to, left, top);
  }
  drawScaleBar(to);
}

function drawMarks(context, to, left, top) {
  const stepX = field.step * to.x, stepY = field.step * to.y;
  context.strokeStyle = "#464646";
  context.lineWidth = 1.2;
  context.beginPath();
  outline.forEach(function (edge) {
    context.moveTo(left + edge[0] * stepX, top + edge[1] * stepY);
    context.lineTo(left + edge[2] * stepX, top + edge[3] * stepY);
  });
  context.stroke();
  const shown = state.labels ? given.top.filter(function (one) { return one.target === state.target; }) : [];
  shown.forEach(function (one) { frame(context, to, one.tile, one.name); });
  if (state.chosen >= 0) frame(context, to, state.chosen, "");
  if (state.keyboard && document.activeElement === osd.canvas) cross(context);
}

function frame(context, to, tile, name) {
  const x = to.left + field.corners[2 * tile] * to.x, y = to.top + field.corners[2 * tile + 1] * to.y;
  const width = field.side * to.x, height = field.side * to.y;
  [["#fff", 4.5], ["#000", 2]].forEach(function (line) {
    context.strokeStyle = line[0];
    context.lineWidth = line[1];
    context.strokeRect(x, y, width, height);
  });
  if (!name) return;
  context.font = "700 14px system-ui, sans-serif";
  context.textAlign = "center";
  // Names of F tiles above and of A tiles below, because the two often are neighbours.
  const textY = name[0] === "A" ? y + height + 16 : y - 6;
  context.lineJoin = "round";
  context.strokeStyle = "#fff";
  context.lineWidth = 4;
  context.strokeText(name, x + width / 2, textY);
  context.fillStyle = "#000";
  context.fillText(name, x + width / 2, textY);
}

function cross(context) {
  const x = stage.clientWidth / 2, y = stage.clientHeight / 2;
  [["#fff", 5], ["#000", 2]].forEach(function (line) {
    context.strokeStyle = line[0];
    context.lineWidth = line[1];
    context.beginPath();
    context.moveTo(x - 12, y); context.lineTo(x + 12, y);
    context.moveTo(x, y - 12); context.lineTo(x, y + 12);
    context.stroke();
  });
}

function drawScaleBar(to) {
  const umPerPx = image.mpp / to.x, um = roundBelow(Math.min(180, stage.clientWidth / 4) * umPerPx);
  byId("scalebar-line").style.width = um / umPerPx + "px";
  byId("scalebar-text").textContent = lengthText(um);
  byId("scalebar").dataset.um = um;
  byId("scalebar").setAttribute("aria-label", filled(words.bar, { length: lengthText(um) }));
}

function level0(x, y) {
  const to = transform();
  return to ? [(x - to.left) / to.x, (y - to.top) / to.y] : [-1, -1];
}

// Bring a tile to the middle with some tissue around it.
function goTo(tile) {
  const item = osd.world.getItemAt(0), side = field.side * 7;
  const x = field.corners[2 * tile] + field.side / 2 - side / 2, y = field.corners[2 * tile + 1] + field.side / 2 - side / 2;
  const toX = image.width / image.slide[0], toY = image.height / image.slide[1];
  osd.viewport.fitBounds(item.imageToViewportRectangle(x * toX, y * toY, side * toX, side * toY), still);
  state.chosen = tile;
  readTile(tile, true);
  draw();
}
["update-viewport", "open", "resize", "animation"].forEach(function (event) { osd.addHandler(event, draw); });
