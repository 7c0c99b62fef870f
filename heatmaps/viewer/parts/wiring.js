// Joins settings, pointer and keys with the picture.
byId("zoom-in").addEventListener("click", function () { zoom(1.4); });
byId("zoom-out").addEventListener("click", function () { zoom(1 / 1.4); });
byId("zoom-whole").addEventListener("click", whole);
byId("show-keys").addEventListener("click", function () { byId("keys").showModal(); });
byId("close-keys").addEventListener("click", function () { byId("keys").close(); });

osd.canvas.setAttribute("role", "application");
osd.canvas.setAttribute("aria-label", words.stage);
osd.canvas.id = "picture";
osd.addHandler("canvas-key", function (event) { event.preventDefaultAction = true; });
// Elsewhere on the page the wheel scrolls; in the picture it zooms once somebody has gone there.
osd.addHandler("canvas-scroll", function (event) { event.preventDefault = osd.gestureSettingsMouse.scrollToZoom; });
osd.canvas.addEventListener("focus", function () { osd.gestureSettingsMouse.scrollToZoom = true; draw(); });
osd.canvas.addEventListener("blur", function () { osd.gestureSettingsMouse.scrollToZoom = given.wheel; draw(); });
osd.canvas.addEventListener("pointerdown", function () { osd.canvas.focus({ preventScroll: true }); });
osd.canvas.addEventListener("keydown", function (event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const act = keys[event.key] || (field && keysOfColours[event.key]);
  if (!act) return;
  event.preventDefault();
  state.keyboard = true;
  const moves = event.key.startsWith("Arrow") || "+=-0".includes(event.key);
  if (moves && field) state.chosen = -1;
  act();
});
osd.addHandler("tile-load-failed", function () { byId("failed").hidden = false; });
osd.addHandler("open", function () { document.documentElement.dataset.viewer = "open"; });

function place(event) {
  const box = stage.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

if (field) {
  osd.addHandler("animation-finish", function () {
    if (state.keyboard && state.chosen < 0) readTile(tileAt(...level0(stage.clientWidth / 2, stage.clientHeight / 2)));
  });
  stage.addEventListener("pointermove", function (event) {
    const at = place(event), tile = tileAt(...level0(at[0], at[1]));
    state.keyboard = false;
    tip.hidden = tile < 0;
    if (tile < 0) return;
    fillLines(tip, tile);
    tip.style.left = Math.max(4, Math.min(at[0] + 16, stage.clientWidth - tip.offsetWidth - 4)) + "px";
    tip.style.top = (at[1] + tip.offsetHeight + 24 > stage.clientHeight ? at[1] - tip.offsetHeight - 12 : at[1] + 18) + "px";
  });
  stage.addEventListener("pointerleave", function () { tip.hidden = true; });
  osd.addHandler("canvas-click", function (event) {
    if (!event.quick) return;
    state.chosen = tileAt(...level0(event.position.x, event.position.y));
    readTile(state.chosen);
    draw();
  });
  if (settings.target) settings.target.addEventListener("change", function () { setTarget(Number(settings.target.value)); });
  ["method", "map", "tissue"].forEach(function (name) {
    settings[name].addEventListener("change", function () { state[name] = settings[name].value; refresh(); });
  });
  ["opacity", "threshold"].forEach(function (name) {
    settings[name].addEventListener("input", function () { state[name] = settings[name].value / 100; refresh(); });
  });
  settings.labels.addEventListener("change", function () { state.labels = settings.labels.checked; draw(); });
  document.querySelectorAll("button[data-tile]").forEach(function (button) {
    button.addEventListener("click", function () {
      setTarget(Number(button.dataset.target));
      byId("viewer").scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
      osd.canvas.focus({ preventScroll: true });
      goTo(Number(button.dataset.tile));
    });
  });
  // A reload may keep what the settings showed; the picture starts from them.
  ["map", "tissue"].forEach(function (name) { state[name] = settings[name].value; });
  state.opacity = settings.opacity.value / 100;
  state.threshold = settings.threshold.value / 100;
  state.labels = settings.labels.checked;
  state.method = settings.method.value;
  readout.textContent = words.idle;
  setTarget(settings.target ? Number(settings.target.value) : 0);
}
byId("viewer").hidden = false;
document.documentElement.classList.add("live");
