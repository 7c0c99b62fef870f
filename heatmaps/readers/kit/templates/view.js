// The pictures of a showing: one pane or two that move together, tissue below and a heatmap on it.
function makeView(kit, words, at) {
  const panes = Array.from(document.querySelectorAll(".glass")), free = kit.template !== "tile-plausibility";
  const heatmaps = kit.showings.some((turn) => turn.layers.ground && (turn.layers.left || turn.layers.ai));
  let turn = null, near = false, heat = true, scale = 1, x = 0, y = 0, square = 1, loads = 0;

  function layersOf(pane) {
    const layers = turn.layers, tint = layers[pane.dataset.side] || layers.ai;
    return [[pane.querySelector(".ground"), layers.ground], [pane.querySelector(".tint"), tint]];
  }
  function show(next, ready) {
    const stays = turn && next.layers.ground && turn.layers.ground === next.layers.ground;
    turn = next;
    loads += 1;
    const load = loads, images = panes.flatMap(layersOf).filter((pair) => pair[0]);
    let waiting = images.filter((pair) => pair[1]).length;
    at("picture-state").textContent = words.waiting;
    if (!stays) { reset(); }
    near = false;
    heat = true;
    images.forEach(([image, path]) => {
      image.hidden = !path;
      if (!path) { image.removeAttribute("src"); return; }
      image.onload = () => {
        waiting -= 1;
        if (waiting || load !== loads) { return; }
        at("picture-state").textContent = "";
        ready();
      };
      image.onerror = () => { at("picture-state").textContent = words.broken; };
      image.src = path;
    });
    const switchable = Boolean(turn.layers.ground && (turn.layers.left || turn.layers.ai));
    at("heat-tools").hidden = !switchable;
    draw();
  }
  function preload(next) { Object.values(next.layers).forEach((path) => { new Image().src = path; }); }
  const loaded = () => panes.flatMap(layersOf).every((pair) => !pair[0] || !pair[1] || pair[0].complete);

  function draw() {
    if (!turn) { return; }
    panes.forEach((pane) => {
      pane.classList.toggle("near", near);
      if (free) {
        const moving = pane.querySelector(".moving"), shape = turn.shape || [1, 1];
        square = Math.min(pane.clientWidth / shape[0], pane.clientHeight / shape[1]);
        x = limited(x, shape[0]);
        y = limited(y, shape[1]);
        moving.style.width = square + "px";
        moving.style.height = square + "px";
        moving.style.left = (pane.clientWidth - square) / 2 + "px";
        moving.style.top = (pane.clientHeight - square) / 2 + "px";
        moving.style.transform = "translate(" + x + "px, " + y + "px) scale(" + scale + ")";
      }
      const tint = pane.querySelector(".tint");
      if (tint) { tint.style.opacity = turn.layers.ground && !heat ? 0 : turn.layers.ground ? at("opacity").value / 100 : 1; }
    });
    at("zoom").setAttribute("aria-pressed", String(near));
    at("zoom-text").textContent = near ? words.unzoom : words.zoom;
    at("heat").setAttribute("aria-pressed", String(heat));
    drawScaleBar();
  }
  // The picture's middle stays within the pane's reach.
  function limited(shift, share) {
    const most = square * share * scale / 2;
    return Math.max(-most, Math.min(most, shift));
  }
  function reset() { scale = 1; x = 0; y = 0; }
  function zoomBy(factor, towardX, towardY) {
    const next = Math.max(1, Math.min(16, scale * factor)), by = next / scale;
    x = (towardX || 0) - ((towardX || 0) - x) * by;
    y = (towardY || 0) - ((towardY || 0) - y) * by;
    scale = next;
    if (scale === 1) { reset(); }
    draw();
  }
  function pan(right, down) {
    x -= right * panes[0].clientWidth * 0.15;
    y -= down * panes[0].clientHeight * 0.15;
    draw();
  }
  function drawScaleBar() {
    if (!turn || !turn.field_um) { at("scale-bar").hidden = true; return; }
    const glass = panes[0].clientWidth;
    const field = free ? turn.field_um * glass / (square * scale) : near ? turn.field_um * kit.frame : turn.field_um;
    const lengths = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000];
    const length = lengths.filter((um) => um <= field * 0.3).pop();
    at("scale-bar").hidden = !length;
    at("scale-line").style.width = (glass * length / field) + "px";
    at("scale-text").textContent = length >= 1000 ? length / 1000 + " mm" : length + " µm";
  }
  function toggleNear() { near = !near && Boolean(kit.frame); draw(); }
  function toggleHeat() { if (!at("heat-tools").hidden) { heat = !heat; draw(); } }
  function toggleFrame() {
    const off = at("frame").classList.toggle("off");
    at("show-frame").setAttribute("aria-pressed", String(!off));
  }
  // Return whether a key was for the picture.
  function key(pressed, target) {
    if (!free) {
      if (pressed === "Z") { toggleNear(); return true; }
      if (pressed === "X") { toggleFrame(); return true; }
      return false;
    }
    if (pressed === "H") { toggleHeat(); return true; }
    if (pressed === "+") { zoomBy(1.5); return true; }
    if (pressed === "-") { zoomBy(1 / 1.5); return true; }
    if (pressed === "Home") { reset(); draw(); return true; }
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (ways[pressed] && !target.closest("input")) { pan(ways[pressed][0], ways[pressed][1]); return true; }
    return false;
  }
  function byHand(pane) {
    const held = new Map();
    const middle = (event) => {
      const box = pane.getBoundingClientRect();
      return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    };
    pane.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY / 400), ...middle(event));
    }, { passive: false });
    pane.addEventListener("pointerdown", (event) => {
      pane.setPointerCapture(event.pointerId);
      held.set(event.pointerId, middle(event));
    });
    pane.addEventListener("pointermove", (event) => {
      if (!held.has(event.pointerId)) { return; }
      const before = held.get(event.pointerId), after = middle(event);
      const other = Array.from(held).filter((one) => one[0] !== event.pointerId).map((one) => one[1])[0];
      held.set(event.pointerId, after);
      if (other) {
        const span = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
        zoomBy(span(after) / Math.max(span(before), 1), (after[0] + other[0]) / 2, (after[1] + other[1]) / 2);
      } else {
        x += after[0] - before[0];
        y += after[1] - before[1];
        draw();
      }
    });
    ["pointerup", "pointercancel"].forEach((name) => pane.addEventListener(name, (event) => held.delete(event.pointerId)));
    pane.addEventListener("dblclick", (event) => zoomBy(2, ...middle(event)));
  }

  ["zoom", "show-frame", "frame"].forEach((id) => { at(id).hidden = !kit.frame; });
  panes.forEach((pane) => {
    pane.style.setProperty("--inset", kit.frame ? 50 * (1 - kit.frame) + "%" : "0");
    pane.style.setProperty("--near", String(kit.frame ? 1 / kit.frame : 1));
    pane.classList.toggle("free", free);
    if (free) { byHand(pane); }
  });
  at("free-tools").hidden = !free;
  at("heat-tools").hidden = !heatmaps;
  const press = { zoom: toggleNear, "show-frame": toggleFrame, heat: toggleHeat, "zoom-in": () => zoomBy(1.5),
    "zoom-out": () => zoomBy(1 / 1.5), "zoom-all": () => { reset(); draw(); } };
  Object.keys(press).forEach((id) => at(id).addEventListener("click", press[id]));
  at("opacity").addEventListener("input", () => { heat = true; draw(); });
  window.addEventListener("resize", draw);
  return { show, preload, loaded, key };
}
