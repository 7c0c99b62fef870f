// Settings, colour bar, what a tile says, and the keys.
const settings = { target: byId("set-target"), method: byId("set-method"), map: byId("set-map"), tissue: byId("set-tissue"),
  opacity: byId("set-opacity"), threshold: byId("set-threshold"), labels: byId("set-labels") };
const readout = byId("readout"), tip = byId("tip");

function methodsNow() {
  return given.layers.filter(function (one) { return one.target === state.target; });
}

function refresh() {
  const layer = layerNow();
  stage.dataset.tissue = state.tissue;
  if (layer) {
    const weakest = state.threshold * layer.clip;
    colours = painted(layer, state.map, weakest);
    layerCanvas.style.opacity = state.opacity;
    // A map that begins dark would blacken the tissue, so it covers instead of tinting.
    layerCanvas.dataset.blend = state.map === "standard" ? "multiply" : "cover";
    settings.map.options[0].textContent = layer.signed ? words.standard_signed : words.standard_rising;
    byId("out-opacity").textContent = Math.round(100 * state.opacity) + " %";
    byId("out-threshold").textContent = told(weakest, false);
    const strong = layer.values.reduce(function (sum, value) { return sum + (strength(layer, value) >= weakest); }, 0);
    byId("shown").textContent = filled(words.shown, { n: counted(strong), all: counted(field.count) });
    colourBar(layer, weakest);
  }
  draw();
}

function colourBar(layer, weakest) {
  const bar = byId("colourbar"), context = bar.getContext("2d"), width = bar.width, low = layer.signed ? -layer.clip : 0;
  const knots = knotsOf(layer, state.map), span = layer.clip - low;
  for (let x = 0; x < width; x++) {
    const value = low + span * (x + 0.5) / width, hidden = strength(layer, value) < weakest;
    context.fillStyle = hidden ? "#fff" : `rgb(${colourAt(knots, positionOf(layer, value)).join(",")})`;
    context.fillRect(x, 0, 1, bar.height);
    if (hidden && x % 6 === 0) { context.fillStyle = "#767676"; context.fillRect(x, 0, 1, bar.height); }
  }
  const ticks = byId("ticks"), step = roundBelow(span / 4), first = Math.ceil(low / step - 1e-9);
  ticks.replaceChildren();
  for (let at = first; at * step <= layer.clip + step * 1e-6; at++) {
    const tick = document.createElement("span"), place = 100 * (at * step - low) / span;
    tick.textContent = at === 0 ? "0" : localised((layer.signed && at > 0 ? "+" : "") + String(+(at * step).toPrecision(3)));
    tick.style.left = place + "%";
    // At the ends of the bar a number would stand out of the panel.
    if (place < 8 || place > 92) tick.style.transform = `translateX(-${place}%)`;
    ticks.appendChild(tick);
  }
  const label = given.labels[layer.target], unit = layer.unit;
  const ends = filled(layer.signed ? words.ends_signed : words.ends_rising, { label: label }).split("|");
  byId("end-low").textContent = ends[0];
  byId("end-high").textContent = ends[1];
  byId("ends").dataset.signed = layer.signed;
  const beyond = layer.values.reduce(function (sum, value) { return sum + (strength(layer, value) > layer.clip); }, 0);
  const clip = (layer.signed ? "±" : "") + told(layer.clip, false), share = localised((100 * beyond / field.count).toFixed(1)) + " %";
  byId("clip").textContent = filled(words.ends_clip, { clip: clip, unit: unit, share: share });
  bar.setAttribute("aria-label", filled(words.scale_aria, { low: told(low, true), high: told(layer.clip, layer.signed), unit: unit }));
}

function tileLines(tile) {
  const mm = [0, 1].map(function (axis) { return localised((field.corners[2 * tile + axis] * field.mpp / 1000).toFixed(2)); });
  const rows = [[filled(words.tile, { id: tile }), filled(words.place, { x: mm[0], y: mm[1] })]];
  methodsNow().forEach(function (layer) {
    rows.push([layer.title, told(layer.values[tile], layer.signed) + " " + layer.unit]);
  });
  return rows;
}

function fillLines(element, tile) {
  element.replaceChildren();
  tileLines(tile).forEach(function (row) {
    const line = document.createElement("p"), name = document.createElement("b");
    name.textContent = row[0] + ": ";
    line.append(name, row[1]);
    element.appendChild(line);
  });
}

function readTile(tile) {
  readout.dataset.tile = tile;
  if (tile >= 0) fillLines(readout, tile);
  else readout.textContent = words.no_tile;
}

function setTarget(index) {
  state.target = index;
  const methods = methodsNow();
  if (!methods.some(function (one) { return one.name === state.method; })) state.method = methods[0].name;
  if (settings.target) settings.target.value = String(index);
  settings.method.value = state.method;
  if (state.chosen >= 0) readTile(state.chosen);
  refresh();
}

// One step on in a list of choices, and back to the first after the last.
function nextOption(select) {
  if (!select) return;
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  select.dispatchEvent(new Event("change"));
}

function nudge(range, by) {
  range.value = Number(range.value) + by;
  range.dispatchEvent(new Event("input"));
}

function nextTop(by) {
  const list = given.top.filter(function (one) { return one.target === state.target; });
  if (!list.length) return;
  const now = list.findIndex(function (one) { return one.tile === state.chosen; });
  goTo(list[(now < 0 ? (by > 0 ? 0 : list.length - 1) : now + by + list.length) % list.length].tile);
}

function whole() { osd.viewport.goHome(still); }
function zoom(by) { osd.viewport.zoomBy(by, null, still); osd.viewport.applyConstraints(); }
function pan(x, y) {
  osd.viewport.panBy(osd.viewport.deltaPointsFromPixels(new OpenSeadragon.Point(x, y)), still);
  osd.viewport.applyConstraints();
}

const keys = {
  ArrowLeft: function () { pan(-60, 0); }, ArrowRight: function () { pan(60, 0); },
  ArrowUp: function () { pan(0, -60); }, ArrowDown: function () { pan(0, 60); },
  "+": function () { zoom(1.4); }, "=": function () { zoom(1.4); }, "-": function () { zoom(1 / 1.4); }, 0: whole,
  "?": function () { byId("keys").showModal(); },
};
const keysOfColours = {
  n: function () { nextTop(1); }, N: function () { nextTop(-1); },
  o: function () { nudge(settings.opacity, -5); }, O: function () { nudge(settings.opacity, 5); },
  t: function () { nudge(settings.threshold, 5); }, T: function () { nudge(settings.threshold, -5); },
  m: function () { nextOption(settings.method); }, g: function () { nextOption(settings.target); },
  c: function () { nextOption(settings.map); }, h: function () { nextOption(settings.tissue); },
  l: function () { settings.labels.click(); },
};
